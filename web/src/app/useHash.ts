import { useSyncExternalStore } from 'react';

const subscribe = (onChange: () => void) => {
  window.addEventListener('hashchange', onChange);
  return () => window.removeEventListener('hashchange', onChange);
};

// The part of the address after '#', which selects the page.
export const useHash = (): string => useSyncExternalStore(subscribe, () => window.location.hash.slice(1));
