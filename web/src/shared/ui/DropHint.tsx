// Covers the page while a file is held over the window.
export function DropHint({ text }: { text: string }) {
  return (
    <div className="pointer-events-none fixed inset-0 z-20 grid place-items-center border-4 border-dashed border-amber-500 bg-stone-950/70 text-lg">
      {text}
    </div>
  );
}
