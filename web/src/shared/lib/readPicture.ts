// Reads a picture from a file or an address, as a data URL.

export interface SourcePicture {
  dataUrl: string;
  name: string;
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
  const dataUrl = await readDataUrl(file);
  await check(dataUrl, file.name);
  return { dataUrl, name: file.name };
}

const readDataUrl = (file: File) =>
  new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error(`The file '${file.name}' could not be read.`));
    reader.readAsDataURL(file);
  });

// A picture that the browser cannot decode would be shown as an empty frame, and is usually damaged.
const check = (dataUrl: string, name: string) =>
  new Promise<void>((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve();
    const why = 'it is damaged, or of a format that this browser does not support';
    image.onerror = () => reject(new Error(`The file '${name}' cannot be shown: ${why}.`));
    image.src = dataUrl;
  });

export async function readPictureFromUrl(url: string, name: string): Promise<SourcePicture> {
  const response = await fetch(url);
  if (!response.ok) throw new Error('That picture has been deleted.');
  const blob = await response.blob();
  return readPicture(new File([blob], name, { type: blob.type }));
}
