/**
 * The seam between the runner and whoever brings plugin files to a host; it owns no transport and no cache.
 */
import type { PluginFile } from '../core/definitions.ts';
import type { RunOutcome } from '../core/ports.ts';

/** The plugin lies on the host, verified, at `path`. */
export interface PluginReady {
  kind: 'ready';
  /** Absolute path on the host; exported to the script as `$MENDD_PLUGIN`. */
  path: string;
}

export interface PluginRequest {
  /**
   * One account of one machine: host name, login, address, port and sudo user. Equal keys share files; a
   * cache of what was uploaded is kept by this key.
   */
  hostKey: string;
  plugin: PluginFile;
  /** Runs POSIX sh text as the very user the plugin will run as. Never rejects. */
  run: (script: string, stdin?: string | Uint8Array) => Promise<RunOutcome>;
}

export interface PluginUploader {
  /**
   * Makes sure the file is there and is what its hash says. Anything but `ready` is the outcome of the step that
   * failed and becomes the outcome of the whole run. Concurrent calls for one key and hash share one upload.
   */
  ensure(request: PluginRequest): Promise<PluginReady | RunOutcome>;
  /** The host no longer has the file (cleaned up, rebooted): the next `ensure` looks again. */
  forget(hostKey: string, plugin: PluginFile): void;
}
