/**
 * `mendd completion`: the few lines that make a shell ask `mendd complete` what can come next. What that is, is read from the commands
 * themselves, so that a shell never has to be told again.
 */
import { Argument, type Command } from 'commander';
import { addCommand } from './command.ts';
import { plain } from './plain-text.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

const scripts: Readonly<Record<Shell, string>> = {
  bash: `# Completion of mendd for bash. Once: mendd completion bash > /etc/bash_completion.d/mendd
_mendd() {
  local word
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    if [ "$word" = :files ]; then
      compopt -o default 2>/dev/null
    else
      COMPREPLY+=("$word")
    fi
  done < <("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _mendd mendd
`,
  zsh: `#compdef mendd
# Completion of mendd for zsh. Once: mendd completion zsh > "\${fpath[1]}/_mendd"
_mendd() {
  local line
  local -a described
  for line in "\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) _files ;;
      *) described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  if (( \${#described} )); then
    _describe mendd described
  fi
}
if [ "\${funcstack[1]}" = _mendd ]; then
  _mendd "$@"
else
  compdef _mendd mendd
fi
`,
  fish: `# Completion of mendd for fish. Once: mendd completion fish > ~/.config/fish/completions/mendd.fish
function __mendd_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for line in (command $words[1] complete -- $words[2..-1] "$typed" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$typed"
        else
            echo $line
        end
    end
end
complete -c mendd -f -a '(__mendd_complete)'
`,
};

export function addCompletion(program: Command): void {
  const summary =
    'print what makes a shell complete commands, options, hosts, checks, actions and other names';
  addCommand(program, 'completion', summary, [
    'completion bash > /etc/bash_completion.d/mendd',
    'completion zsh > "${fpath[1]}/_mendd"',
    'completion fish > ~/.config/fish/completions/mendd.fish',
  ])
    .addArgument(new Argument('<shell>', 'your shell').choices(shells))
    .action((shell: Shell) => void process.stdout.write(scripts[shell]));

  // What the lines above ask. Names may come from anywhere: one line each, and nothing that draws.
  program.command('complete [words...]', { hidden: true }).action(async (words: readonly string[]) => {
    const { candidatesFor } = await import('./completion-words.ts');
    const { words: found, files } = await candidatesFor(program, words);
    const typed = words.at(-1) ?? '';
    const lines = found
      .filter(([word]) => word.startsWith(typed))
      .map(([word, meaning]) => `${plain(word)}\t${plain(meaning)}\n`);
    // A daemon that says nothing would keep the shell waiting for its answer.
    process.stdout.write(lines.join('') + (files ? ':files\n' : ''), () => process.exit());
  });
}
