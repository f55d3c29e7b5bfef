// The frame of a tile in the strip; the one that is shown has another colour.
export const tileLook = (shown: boolean) =>
  `block size-21 overflow-hidden rounded-md border-2 ${
    shown ? 'border-amber-500' : 'border-transparent hover:border-stone-600'
  }`;
