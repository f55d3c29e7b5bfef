import { useEffect, useRef, useState } from 'react';

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
const takesText = (target: EventTarget | null) => target instanceof Element && target.matches('textarea, input');

// Takes files that are dropped anywhere on the window. The browser never opens a dropped file or link in place of the
// page; text may still be dropped into a field. Returns whether a file is held over the window.
export function useDrop(onFile: (file: File) => void): boolean {
  const [over, setOver] = useState(false);
  const take = useRef(onFile);
  useEffect(() => {
    take.current = onFile;
  });
  useEffect(() => {
    const hover = (event: DragEvent) => {
      if (!hasFiles(event) && takesText(event.target)) return;
      event.preventDefault();
      if (hasFiles(event)) setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false); // out of the window
    };
    const drop = (event: DragEvent) => {
      setOver(false);
      if (!hasFiles(event) && takesText(event.target)) return;
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) take.current(file);
    };
    const listeners = [['dragenter', hover], ['dragover', hover], ['dragleave', leave], ['drop', drop]] as const;
    for (const [type, listener] of listeners) window.addEventListener(type, listener);
    return () => {
      for (const [type, listener] of listeners) window.removeEventListener(type, listener);
    };
  }, []);
  return over;
}
