// The frame of a picture in the strip, finished or not; the one that is looked at stands out.
export const tileLook = (shown: boolean) =>
  `block size-21 overflow-hidden rounded-md border-2 ${
    shown ? 'border-amber-500' : 'border-transparent hover:border-stone-600'
  }`;
