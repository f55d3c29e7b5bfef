import type { SourcePicture } from './form';

// The station takes JSON bodies of 48 MB; base64 adds a third.
export const pictureBytesMax = 34 * 1024 * 1024;

export function pictureProblem(file: { name: string; type: string; size: number }): string | null {
  if (file.type && !file.type.startsWith('image/')) return `${file.name} is not a picture.`;
  if (file.size > pictureBytesMax) {
    return `${file.name} has ${(file.size / 1048576).toFixed(0)} MB; pictures to start from may have 34 MB.`;
  }
  if (file.size === 0) return `${file.name} is empty.`;
  return null;
}

export function readPicture(file: File): Promise<SourcePicture> {
  return new Promise((resolve, reject) => {
    const problem = pictureProblem(file);
    if (problem) {
      reject(new Error(problem));
      return;
    }
    const reader = new FileReader();
    reader.onload = () => resolve({ dataUrl: String(reader.result), name: file.name });
    reader.onerror = () => reject(new Error(`${file.name} could not be read.`));
    reader.readAsDataURL(file);
  });
}

export async function readPictureFromUrl(url: string, name: string): Promise<SourcePicture> {
  const response = await fetch(url);
  if (!response.ok) throw new Error('That picture is no longer there.');
  const blob = await response.blob();
  return readPicture(new File([blob], name, { type: blob.type }));
}
