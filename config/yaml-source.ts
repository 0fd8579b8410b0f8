/**
 * Owns the way from YAML text to checked YAML nodes: limits before composing, every error and warning a problem. It
 * builds no values; config/yaml-tree.ts does.
 */
import { Composer, CST, type Document, Lexer, LineCounter, Parser, type YAMLError } from 'yaml';
import type { SourcePlace } from '../core/definitions.ts';
import type { ProblemList } from './problems.ts';
import { toEnd } from './steps.ts';

/** Levels of lists and maps inside each other. Composing recurses, and Node aborts where the stack ends. */
export const depthLimit = 64;

/** After this many syntax errors in one file the rest is noise. */
const syntaxErrorsShown = 5;

export interface YamlSource {
  document: Document.Parsed;
  text: string;
  /** The place of an offset in the text. */
  place(offset: number): SourcePlace;
}

/** Lexemes between two moments at which others may go on. */
const slice = 4_000;

/** The only document of a text, or undefined with the reasons among the problems. A long text is read in several steps. */
export function* parsingYaml(
  text: string,
  file: string,
  problems: ProblemList,
): Generator<void, YamlSource | undefined> {
  const lines = new LineCounter();
  const place = (offset: number): SourcePlace => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  // What `parser.parse` does, which cannot be left in between.
  lines.addNewLine(0);
  const tokens = yield* tokensOf(text, new Parser(lines.addNewLine));
  const refused = tokens.map(refuseToken).find((reason) => reason !== undefined);
  if (refused !== undefined) {
    problems.add(place(refused.offset), refused.message, refused.hint);
    return undefined;
  }
  const documents = tokens.filter((token) => token.type === 'document');
  const second = documents[1];
  if (second !== undefined) {
    problems.add(place(second.offset), 'a second document starts here', 'put it into a file of its own');
    return undefined;
  }
  yield;
  const document = composeOnly(tokens);
  yield;
  if (document === undefined || isEmpty(document)) {
    const errors = document?.errors.length ?? 0;
    if (errors === 0) {
      problems.add(place(0), 'this file is empty', 'write its keys, or delete the file');
      return undefined;
    }
  }
  const errors = document === undefined ? [] : [...document.errors, ...document.warnings];
  for (const error of errors.slice(0, syntaxErrorsShown)) {
    problems.add(place(error.pos[0]), ...explain(error));
  }
  return document === undefined || errors.length > 0 ? undefined : { document, text, place };
}

export function parseYaml(text: string, file: string, problems: ProblemList): YamlSource | undefined {
  return toEnd(parsingYaml(text, file, problems));
}

function* tokensOf(text: string, parser: Parser): Generator<void, CST.Token[]> {
  const tokens: CST.Token[] = [];
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    count += 1;
    if (count % slice === 0) yield;
  }
  tokens.push(...parser.end());
  return tokens;
}

function composeOnly(tokens: readonly CST.Token[]): Document.Parsed | undefined {
  // Duplicate keys are found in the tree, where both places are known and the search is not quadratic.
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false, version: '1.2' });
  for (const document of composer.compose(tokens, true)) return document;
  return undefined;
}

function isEmpty(document: Document.Parsed): boolean {
  return document.contents === null || document.contents.range[0] === document.contents.range[1];
}

interface Refusal {
  offset: number;
  message: string;
  hint: string;
}

function refuseToken(token: CST.Token): Refusal | undefined {
  if (token.type === 'directive') {
    return {
      offset: token.offset,
      message: `the directive \`${token.source.trim().split(/\s/)[0]}\` is not allowed`,
      hint: 'delete this line; definitions are always YAML 1.2',
    };
  }
  return token.type === 'document' ? refuseDepth(token) : undefined;
}

/** Walks with a list of its own, since the call stack is what it protects. */
export function refuseDepth(document: CST.Document): Refusal | undefined {
  const waiting: { token: CST.Token | null | undefined; depth: number }[] = [
    { token: document.value, depth: 1 },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next;
    if (!CST.isCollection(token)) continue;
    if (depth > depthLimit) {
      return {
        offset: token.offset,
        message: `lists and maps are nested more than ${depthLimit} levels deep`,
        hint: 'no definition needs that; look for an unclosed bracket or a generator gone wrong',
      };
    }
    for (const item of token.items) {
      waiting.push({ token: item.key, depth: depth + 1 }, { token: item.value, depth: depth + 1 });
    }
  }
  return undefined;
}

/** Texts for the errors that people make; the others are clear as the library words them. */
function explain(error: YAMLError): [message: string, hint: string] {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return ['a tab is used to indent', 'indent with spaces'];
    case 'TAG_RESOLVE_FAILED':
      return [`the tag is not allowed: ${error.message}`, 'delete the tag'];
    case 'BAD_INDENT':
    case 'BAD_COLLECTION_TYPE':
      return error.message.startsWith('Flow')
        ? [`the indentation is wrong: ${error.message}`, 'close the bracket, or indent the lines inside it']
        : [`the indentation is wrong: ${error.message}`, 'line up the keys of one map in one column'];
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return [`this is no valid YAML: ${error.message}`, 'put text that contains `: ` in quotes'];
    case 'BAD_SCALAR_START':
    case 'UNEXPECTED_TOKEN':
    case 'BAD_DQ_ESCAPE':
      return [`this is no valid YAML: ${error.message}`, 'put text with special characters in single quotes'];
    case 'MISSING_CHAR':
    case 'BAD_ALIAS':
      return [
        `this is no valid YAML: ${error.message}`,
        'close the bracket or quote, or put the text in quotes',
      ];
    default:
      return [
        `this is no valid YAML: ${error.message}`,
        'look at this line and the one before; text with `: `, `#`, `{`, `[` or `&` in it stands in quotes',
      ];
  }
}
