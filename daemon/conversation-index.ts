/** Keeps the open conversations where they are found without a look at all of them: in a mass failure there are many. */
import { type Conversation, placeOf } from '../core/conversation.ts';

export class ConversationIndex {
  readonly #open = new Map<string, Conversation>();
  readonly #byPlace = new Map<string, Set<string>>();
  readonly #byKey = new Map<string, Set<string>>();

  /** Takes the place of the one with that id; one that has ended is forgotten. */
  put(conversation: Conversation): void {
    const before = this.#open.get(conversation.id);
    if (before !== undefined) this.#remove(before);
    if (conversation.endedMs !== undefined) return;
    const { id, key, members } = conversation;
    this.#open.set(id, conversation);
    add(this.#byKey, key, id);
    for (const member of members) add(this.#byPlace, placeOf(member), id);
  }

  /** In the order they were last written. */
  all(): Conversation[] {
    return [...this.#open.values()];
  }

  get(id: string): Conversation | undefined {
    return this.#open.get(id);
  }

  /** That have a member at one of these places, or one of these keys. */
  find(places: readonly string[], keys: readonly string[] = []): Conversation[] {
    const ids = new Set([
      ...places.flatMap((place) => [...(this.#byPlace.get(place) ?? [])]),
      ...keys.flatMap((key) => [...(this.#byKey.get(key) ?? [])]),
    ]);
    return [...ids].flatMap((id) => this.#open.get(id) ?? []);
  }

  #remove({ id, key, members }: Conversation): void {
    this.#open.delete(id);
    drop(this.#byKey, key, id);
    for (const member of members) drop(this.#byPlace, placeOf(member), id);
  }
}

function add(index: Map<string, Set<string>>, name: string, id: string): void {
  const ids = index.get(name);
  if (ids === undefined) index.set(name, new Set([id]));
  else ids.add(id);
}

function drop(index: Map<string, Set<string>>, name: string, id: string): void {
  const ids = index.get(name);
  ids?.delete(id);
  if (ids?.size === 0) index.delete(name);
}
