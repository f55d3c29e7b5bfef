// The text of a running job as far as it has come. Screen readers announce what is added.
export function GrowingText({ text }: { text: string }) {
  return (
    <div aria-label="Text so far" aria-live="polite" role="log">
      {text && (
        <p className="max-w-3xl rounded-md border border-stone-800 bg-stone-900 p-4 text-sm leading-relaxed break-words whitespace-pre-wrap select-text">
          {text}
        </p>
      )}
    </div>
  );
}
