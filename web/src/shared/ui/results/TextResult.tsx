import { CopyButton } from '../CopyButton';

// A text that can be selected, with a button that copies it.
export function TextResult({ text }: { text: string }) {
  return (
    <div className="max-w-3xl rounded-md border border-stone-800 bg-stone-900 p-4">
      <p className="text-sm leading-relaxed break-words whitespace-pre-wrap select-text">{text || 'The text is empty.'}</p>
      {text && (
        <div className="mt-3 flex justify-end">
          <CopyButton text={text} />
        </div>
      )}
    </div>
  );
}
