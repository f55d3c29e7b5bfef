// Values that survive a reload of the page, in the session storage of the browser tab.

// Null where nothing readable is stored.
export function loadSession(key: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? 'null');
  } catch {
    return null; // the storage is disabled, or its text is damaged
  }
}

// Returns false where the value could not be stored; an earlier value is then removed.
export function storeSession(key: string, value: unknown): boolean {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    removeSession(key); // the storage is full or disabled
    return false;
  }
}

export function removeSession(key: string): void {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // The storage is disabled: nothing is stored.
  }
}
