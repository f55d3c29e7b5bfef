// Reads a picture from a file or from the station, as a data URL.
import { api } from '../../api/client';

export interface SourcePicture {
  dataUrl: string;
  name: string;
  shown?: false; // the station reads this format, the browser cannot show it
}

// What the station reads (codec/picture_file.cpp), with the endings of file names, because some systems do not know the
// types of all of them.
const readTypes: Record<string, string[]> = {
  'image/png': ['.png'], 'image/jpeg': ['.jpg', '.jpeg'], 'image/webp': ['.webp'], 'image/gif': ['.gif'],
  'image/tiff': ['.tif', '.tiff'], 'image/heic': ['.heic'], 'image/heif': ['.heif'], 'image/avif': ['.avif'],
};
// Those that some browsers, or all, do not show.
const perhapsNotShown: ReadonlySet<string> = new Set(['image/tiff', 'image/heic', 'image/heif', 'image/avif']);

// For the file field.
export const acceptedPictures = ['image/*', ...Object.values(readTypes).flat()].join();

// The type that the browser gives, or else that of the ending.
export function typeOf({ name, type }: { name: string; type: string }): string {
  const ending = name.slice(name.lastIndexOf('.')).toLowerCase();
  return type || Object.keys(readTypes).find((each) => readTypes[each]?.includes(ending)) || '';
}

// The station takes JSON bodies of 48 MB; base64 adds a third.
export const pictureBytesMax = 34 * 1024 * 1024;

export function pictureProblem(file: { name: string; type: string; size: number }): string | null {
  const name = `The file '${file.name}'`;
  if (file.type && !file.type.startsWith('image/')) return `${name} is not a picture.`;
  if (file.size > pictureBytesMax) {
    return `${name} has ${(file.size / 1048576).toFixed(0)} MB; a picture may have ${pictureBytesMax / 1048576} MB.`;
  }
  if (file.size === 0) return `${name} is empty.`;
  return null;
}

export async function readPicture(file: File): Promise<SourcePicture> {
  const problem = pictureProblem(file);
  if (problem) throw new Error(problem);
  const type = typeOf(file);
  const dataUrl = await readDataUrl(file.type ? file : new File([file], file.name, { type }));
  if (await canShow(dataUrl)) return { dataUrl, name: file.name };
  if (perhapsNotShown.has(type)) return { dataUrl, name: file.name, shown: false };
  // It would be an empty frame, and is usually damaged.
  const why = 'it is damaged, or of a format that this browser does not support';
  throw new Error(`The file '${file.name}' cannot be shown: ${why}.`);
}

const readDataUrl = (file: File) =>
  new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error(`The file '${file.name}' could not be read.`));
    reader.readAsDataURL(file);
  });

const canShow = (dataUrl: string) =>
  new Promise<boolean>((resolve) => {
    const image = new Image();
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
    image.src = dataUrl;
  });

export async function readArtifact(id: string, name: string): Promise<SourcePicture> {
  const blob = await api.artifact(id);
  return readPicture(new File([blob], name, { type: blob.type }));
}
