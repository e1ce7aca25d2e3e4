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

    # The value $text behind $head, in the quotes that the user has opened, or in some if it needs them.
    function Get-QsjwtWord([string] $head, [string] $text) {
        if ($quote -eq '"') { return '"' + ("$head$text" -replace '([`$"\u201c-\u201e])', '`$1') + '"' }
        if (-not $quote -and $text -match '^[\w./:+-]+$') { return "$head$text" }
        if ($quote) { $head, $text = '', "$head$text" }
        "$head'" + ($text -replace "(['\u2018-\u201b])", '$1$1') + "'"
    }

    function Get-QsjwtResult([string] $head, [string] $text, [string] $shown, [string] $help, [string] $type) {
        if (-not $help) { $help = $shown }
        [System.Management.Automation.CompletionResult]::new((Get-QsjwtWord $head $text), $shown, $type, $help)
    }

    function Get-QsjwtNamed($entries, [string] $start, [string] $head, [string] $type) {
        foreach ($entry in $entries) {
            $name, $help = $entry -split ' ', 2
            if ($name.StartsWith($start, 'Ordinal')) { Get-QsjwtResult $head $name $name $help $type }
        }
    }

    $cur = "$wordToComplete"
    $quote = ''
    if ($cur -match '^([''"])(.*?)\1?$') { $quote, $cur = $Matches[1], $Matches[2] }
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

    $offers = @(
        if ($data.Names.Count) {
            if ($cur.StartsWith('-')) {
                Get-QsjwtNamed $data.Options $cur '' 'ParameterName'
            } else {
                Get-QsjwtNamed $data.Names $cur '' 'ParameterValue'
            }
            $data.Kind = ''
        } elseif ($helping) {
            $data.Kind = ''
        } else {
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
                        if ($value.StartsWith($cur, 'Ordinal')) {
                            Get-QsjwtResult $head $value $value '' 'ParameterValue'
                        }
                    }
                }
                'key' {
                    $scheme = $data.Paths | Where-Object { $cur.StartsWith($_, 'Ordinal') } | Select-Object -First 1
                    if ($scheme) {
                        $path = $cur.Substring($scheme.Length)
                        foreach ($file in [System.Management.Automation.CompletionCompleters]::CompleteFilename($path)) {
                            # It comes in quotes, and with its brackets escaped for commands of PowerShell's own.
                            $name = $file.CompletionText -replace "^'(.*)'$", '$1' -replace "''", "'" -replace '`(.)', '$1'
                            Get-QsjwtResult "$head$scheme" $name $file.ListItemText $file.ToolTip 'ParameterValue'
                        }
                        $data.Kind = ''
                    } else {
                        Get-QsjwtNamed $data.Schemes $cur $head 'ParameterValue'
                    }
                }
            }
            if (-not $required) { Get-QsjwtNamed $data.Options $cur '' 'ParameterName' }
        }
    )
    # For nothing, PowerShell offers files by itself; an empty text keeps it from that where no file is meant.
    if ($offers.Count -or $data.Kind -in 'file', 'folder', 'key') { $offers } else { '' }
}
