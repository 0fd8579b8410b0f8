/** Owns one list: where distributions put monitoring plugins. A test compares it with that of checks/plugin.ts. */
export const usualPluginDirs: readonly string[] = [
  '/usr/lib/nagios/plugins',
  '/usr/lib64/nagios/plugins',
  '/usr/lib/monitoring-plugins',
  '/usr/libexec/nagios',
  '/usr/local/lib/nagios/plugins',
  '/usr/local/libexec/nagios',
  '/usr/libexec/monitoring-plugins',
];
