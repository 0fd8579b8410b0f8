/**
 * Owns how imported definitions look as YAML: blocks, short lists on one line, and a comment above what has one. It knows
 * no key of the language.
 */
import { Document, isMap, isScalar, isSeq, type Node, Pair, Scalar, stringify, YAMLMap, YAMLSeq } from 'yaml';

export type YamlValue =
  | string
  | number
  | boolean
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue | undefined }
  | Commented;

/** A value of a map or a list that is written as a block, with lines of comment above it. */
export class Commented {
  readonly value: YamlValue;
  readonly comment: string;

  constructor(comment: string, value: YamlValue) {
    this.comment = comment;
    this.value = value;
  }
}

/** A collection of plain values that fits into so many characters stands on one line. */
const shortLine = 70;

/** `head`: lines of comment at the top. Keys without a value are not written. */
export function yamlText(head: string, value: YamlValue): string {
  const document = new Document(null, { version: '1.2', schema: 'core' });
  const contents = nodeOf(value, true);
  // Room between the parts of a file.
  if (isMap(contents)) {
    for (const { key, value: part } of contents.items.slice(1))
      if (isScalar(key) && isMap(part) && part.flow !== true) key.spaceBefore = true;
  }
  document.contents = contents as never;
  if (head !== '') document.commentBefore = commentOf(head);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function nodeOf(value: YamlValue, block: boolean): Node {
  if (value instanceof Commented) return nodeOf(value.value, true);
  if (typeof value !== 'object') return scalarOf(value);
  const node = isList(value) ? listOf(value) : mapOf(value);
  node.flow = node.items.length === 0 || (!block && isShort(node));
  return node;
}

function isList(value: object): value is readonly YamlValue[] {
  return Array.isArray(value);
}

function listOf(value: readonly YamlValue[]): YAMLSeq {
  const list = new YAMLSeq();
  for (const each of value) {
    const node = nodeOf(each, false);
    if (each instanceof Commented) node.commentBefore = commentOf(each.comment);
    list.items.push(node);
  }
  return list;
}

function mapOf(value: { readonly [key: string]: YamlValue | undefined }): YAMLMap {
  const map = new YAMLMap();
  for (const [name, each] of Object.entries(value)) {
    if (each === undefined) continue;
    const key = new Scalar(name);
    if (each instanceof Commented) key.commentBefore = commentOf(each.comment);
    map.items.push(new Pair(key, nodeOf(each, false)));
  }
  return map;
}

function scalarOf(value: string | number | boolean): Scalar {
  const scalar = new Scalar(value);
  // Words that YAML 1.1 takes for truth values, so that any reader sees the text.
  if (typeof value === 'string' && /^(y|yes|n|no|on|off)$/i.test(value)) scalar.type = 'QUOTE_DOUBLE';
  if (typeof value === 'string' && isEasierAsBlock(value)) scalar.type = 'BLOCK_LITERAL';
  return scalar;
}

/** Commands that would have to be escaped read better as they are. */
function isEasierAsBlock(text: string): boolean {
  if (!/^\S/.test(text) || /[^\n\t\P{C}]/u.test(text) || /\s$/.test(text)) return false;
  return text.includes('\n') || (text.length > 40 && stringify(text, { lineWidth: 0 }).startsWith('"'));
}

function isShort(node: YAMLMap | YAMLSeq): boolean {
  const parts = isMap(node) ? node.items.flatMap(({ key, value }) => [key, value]) : node.items;
  const plain = parts.every(
    (part) => (isScalar(part) && !String(part.value).includes('\n')) || (isSeq(part) && part.flow === true),
  );
  return plain && lengthOf(parts) <= shortLine;
}

function lengthOf(parts: readonly unknown[]): number {
  return parts.reduce<number>(
    (sum, part) =>
      sum + (isSeq(part) ? lengthOf(part.items) : isScalar(part) ? String(part.value).length : 0) + 2,
    0,
  );
}

function commentOf(text: string): string {
  // What may not stand in a comment of YAML would end the file for its reader.
  const lines = text.replaceAll('\t', ' ').split(/[\r\n\u2028\u2029\u0085]+/);
  return lines.map((line) => ` ${line.replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '?')}`).join('\n');
}
