/**
 * The `plugin` check: an executable with the Nagios plugin API, uploaded from the definitions or found on the
 * host. Owns where to look; its output is read as any plugin's.
 */
import type { PluginFile } from '../core/definitions.ts';
import type { CheckPlan } from '../core/ports.ts';
import { quoteShell } from '../core/shell-quote.ts';

/** Where distributions put monitoring plugins, in the order they are searched; PATH comes last. */
export const usualPluginDirs: readonly string[] = [
  '/usr/lib/nagios/plugins',
  '/usr/lib64/nagios/plugins',
  '/usr/lib/monitoring-plugins',
  '/usr/libexec/nagios',
  '/usr/local/lib/nagios/plugins',
  '/usr/local/libexec/nagios',
  '/usr/libexec/monitoring-plugins',
];

/**
 * A plugin that is nowhere ends with 127 and a text that names every place searched. `pluginDirs` replaces the
 * usual directories unless it is empty. A name with a slash is a path on the host and is not searched for.
 */
export function planPlugin(
  probe: { plugin: string; args: readonly string[]; file?: PluginFile },
  pluginDirs: readonly string[],
): CheckPlan {
  const args = probe.args.map((arg) => ` ${quoteShell(arg)}`).join('');
  if (probe.file !== undefined) {
    return { kind: 'command', script: `exec "$MENDD_PLUGIN"${args}`, plugin: probe.file };
  }
  const name = quoteShell(probe.plugin);
  if (probe.plugin.includes('/')) return { kind: 'command', script: `exec ${name}${args}` };
  const dirs = pluginDirs.length === 0 ? usualPluginDirs : pluginDirs;
  const missing = `plugin ${probe.plugin} not found; searched ${dirs.join(' ')} and PATH`;
  return {
    kind: 'command',
    script: [
      `for dir in ${dirs.map(quoteShell).join(' ')}; do`,
      `  [ -f "$dir"/${name} ] && [ -x "$dir"/${name} ] && exec "$dir"/${name}${args}`,
      'done',
      // A shell's own word (`test`, `kill`) answers without a slash and is no plugin.
      `case $(command -v ${name}) in /*) exec ${name}${args} ;; esac`,
      `printf '%s\\n' ${quoteShell(missing)}`,
      'exit 127',
    ].join('\n'),
  };
}
