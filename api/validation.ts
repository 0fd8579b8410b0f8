/** Checks requests by their zod schemas, and says where they are wrong as a JSON pointer (RFC 6901). */
import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';

/** One step of a pointer: `~` and `/` within a name are written `~0` and `~1`. */
export function pointerStep(name: PropertyKey): string {
  return `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (data) => {
    const result = schema.safeParse(data);
    if (result.success) return { value: result.data };
    const error = result.error.issues.map(({ path, code, message, ...params }) => ({
      keyword: code,
      instancePath: path.map(pointerStep).join(''),
      schemaPath: '',
      message,
      params,
    }));
    return { error };
  };
