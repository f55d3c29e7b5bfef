import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { acceptedPictures, readPicture } from './readPicture';

// A browser that shows PNG files only.
class PngImage {
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;
  set src(address: string) {
    setTimeout(() => (address.startsWith('data:image/png') ? this.onload?.() : this.onerror?.()));
  }
}

beforeEach(() => vi.stubGlobal('Image', PngImage));
afterEach(() => vi.unstubAllGlobals());

const read = (name: string, type: string) => readPicture(new File(['x'], name, { type }));

test('a format that the station reads is accepted where the browser cannot show it', async () => {
  expect(await read('scan.tif', 'image/tiff')).toEqual({ name: 'scan.tif', dataUrl: 'data:image/tiff;base64,eA==', shown: false });
  expect(await read('photo.HEIC', '')).toEqual({ name: 'photo.HEIC', dataUrl: 'data:image/heic;base64,eA==', shown: false });
  for (const ending of ['.tif', '.tiff', '.heic', '.avif', '.webp', '.gif']) expect(acceptedPictures.split(',')).toContain(ending);
});

test('a picture that the browser shows is shown, and a damaged one refused', async () => {
  expect(await read('cat.png', 'image/png')).toEqual({ name: 'cat.png', dataUrl: 'data:image/png;base64,eA==' });
  await expect(read('cat.jpg', 'image/jpeg')).rejects.toThrow(/'cat.jpg' cannot be shown: it is damaged/);
  await expect(read('notes.txt', 'text/plain')).rejects.toThrow(/is not a picture/);
});
