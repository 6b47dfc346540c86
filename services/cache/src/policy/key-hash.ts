// 32 bits of a key, for memories that keep no keys and for samples by key.

/** Of a store key these are 64 bits of its SHA-256, so nobody can choose prompts whose keys collide. */
const LAST_CHARACTERS = 16;

/** FNV-1a over the last characters, then murmur3's last step, so that every bit depends on all. Signed: V8 keeps it without an object. */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = Math.max(0, key.length - LAST_CHARACTERS); at < key.length; at += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  return mixed(hash);
}

/** A bijection of 32 bits in which neighbours end up far apart. */
export function mixed(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
