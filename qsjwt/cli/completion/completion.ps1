# Completion of qsjwt __VERSION__ in PowerShell, with the plugins that were there when it was printed.
# After installing another one: qsjwt completion powershell | Out-String | Invoke-Expression

# What may follow the words $place: names or options, and what $option takes, or '' for no option.
function global:Get-QsjwtData([string] $place, [string] $option) {
    $data = @{ Names = @(); Options = @(); Choices = @(); Kind = ''; Amount = '' }
    $data.Schemes = @(__SCHEMES__)
    $data.Paths = @(__PATHS__)
    switch -CaseSensitive -Exact ($place) {
        # __PLACES__
    }
    $data
}

Register-ArgumentCompleter -Native -CommandName 'qsjwt', 'qsjwt.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    function Get-QsjwtResult([string] $text, [string] $shown, [string] $help, [string] $type) {
        if (-not $help) { $help = $shown }
        [System.Management.Automation.CompletionResult]::new($text, $shown, $type, $help)
    }

    function Get-QsjwtNamed($entries, [string] $start, [string] $head, [string] $type) {
        foreach ($entry in $entries) {
            $name, $help = $entry -split ' ', 2
            if ($name.StartsWith($start, 'Ordinal')) { Get-QsjwtResult "$head$name" $name $help $type }
        }
    }

    $cur = "$wordToComplete"
    $head = ''
    $place = ''
    $option = ''
    $direct = $false
    $required = $false
    $helping = $false
    $data = Get-QsjwtData '' ''
    foreach ($element in @($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        $word = "$element"
        if ($data.Names.Count) {
            if ($word.StartsWith('-')) { continue }
            if (-not $place -and $word -ceq 'help') { $helping = $true; continue }
            $place = "$place $word".Trim()
            $data = Get-QsjwtData $place ''
        } elseif ($word.Length -gt 1 -and $word.StartsWith('-')) {
            $option = $word
            $direct = $true
        } else {
            $direct = $false
        }
    }

    if ($data.Names.Count) {
        if ($cur.StartsWith('-')) { return Get-QsjwtNamed $data.Options $cur '' 'ParameterName' }
        return Get-QsjwtNamed $data.Names $cur '' 'ParameterValue'
    }
    if ($helping) { return }

    if ($cur -match '^(--[^=]*)=(.*)$') {
        $option = $Matches[1]
        $head = "$option="
        $cur = $Matches[2]
        $required = $true
        $data = Get-QsjwtData $place $option
    } else {
        $data = Get-QsjwtData $place $option
        if (-not $option -or -not $data.Kind -or (-not $direct -and $data.Amount -notin '+', '*')) {
            $data = Get-QsjwtData $place ''
        } elseif ($direct -and $data.Amount -notin '?', '*') {
            $required = $true
        }
    }
    switch ($data.Kind) {
        'choice' {
            foreach ($value in $data.Choices) {
                if (-not $value.StartsWith($cur, 'Ordinal')) { continue }
                $text = $value
                if ($value -notmatch '^[\w./:+-]+$') {
                    $text = "'" + ($value -replace "(['\u2018-\u201b])", '$1$1') + "'"
                }
                Get-QsjwtResult "$head$text" $value '' 'ParameterValue'
            }
        }
        'key' {
            $scheme = $data.Paths | Where-Object { $cur.StartsWith($_, 'Ordinal') } | Select-Object -First 1
            if ($scheme) {
                $path = $cur.Substring($scheme.Length)
                foreach ($file in [System.Management.Automation.CompletionCompleters]::CompleteFilename($path)) {
                    $text = "$head$scheme$($file.CompletionText)"
                    Get-QsjwtResult $text $file.ListItemText $file.ToolTip 'ParameterValue'
                }
            } else {
                Get-QsjwtNamed $data.Schemes $cur $head 'ParameterValue'
            }
        }
    }
    # For a file nothing is returned, and PowerShell offers files by itself.
    if (-not $required) { Get-QsjwtNamed $data.Options $cur '' 'ParameterName' }
}
