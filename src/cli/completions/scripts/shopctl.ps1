# Completes shopctl in PowerShell. Load it with:  shopctl completions powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName shopctl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    # The words before the cursor, without their quotes; an empty one to complete is left out.
    $words = @(
        $commandAst.CommandElements |
            Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
            ForEach-Object { if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text } }
    )
    $index = if ($wordToComplete) { $words.Count - 1 } else { $words.Count }
    & shopctl __complete powershell $index @words 2>$null | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        # A value of another program must not become a command.
        $text = if ($value -match '^[\w.%+=:/-][\w@%+=:./-]*$') { $value } else { "'" + $value.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
    }
}
