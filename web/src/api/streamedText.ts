// The text that a running job makes, put together from the pieces that the station sends.

// `bytes`: its length in UTF-8, in which the station counts offsets.
export interface StreamedText {
  text: string;
  bytes: number;
}

export const noText: StreamedText = { text: '', bytes: 0 };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

// A piece continues the text at its offset. With the offset 0 the text starts again.
export function withPiece(before: StreamedText, { offset, text }: { offset: number; text: string }): StreamedText {
  const kept = offset === before.bytes ? before.text : decoder.decode(encoder.encode(before.text).slice(0, offset));
  return { text: kept + text, bytes: offset + encoder.encode(text).length };
}
