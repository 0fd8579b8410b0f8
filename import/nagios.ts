/** Owns the import of Nagios Core and Icinga 1 objects as a whole: which files there are, and what becomes of them. */
import { ImportError, type Imported, type ImportOptions } from './report.ts';

export function importNagios(path: string, _options: ImportOptions): Imported {
  throw new ImportError(
    `${path} holds no hosts`,
    'Name nagios.cfg, a file of objects or a directory of them.',
  );
}
