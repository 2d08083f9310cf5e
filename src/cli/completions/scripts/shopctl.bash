# Completes shopctl in Bash. Load it with:  source <(shopctl completions bash)

_shopctl() {
    local reply
    COMPREPLY=()
    # The whole line: Bash splits e-mail addresses and PRODUCT:N into several words.
    while IFS= read -r reply; do
        COMPREPLY+=("$reply")
    done < <(shopctl __complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null </dev/null)
    # More may follow a folder or an option's equals sign.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

if [[ ${BASH_VERSINFO[0]} -gt 4 || ${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4 ]]; then
    complete -o nosort -F _shopctl shopctl
else
    complete -F _shopctl shopctl
fi
