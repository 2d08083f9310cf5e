# Completes shopctl in fish. Load it with:  shopctl completions fish | source

function __shopctl_complete
    set --local words (commandline --current-process --tokenize --cut-at-cursor)
    shopctl __complete fish (count $words) $words (commandline --current-token --cut-at-cursor) 2>/dev/null </dev/null
end

complete --command shopctl --no-files --keep-order --arguments '(__shopctl_complete)'
