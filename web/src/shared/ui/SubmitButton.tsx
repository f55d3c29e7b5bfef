import { Button } from './Button';

interface Props {
  label: string;
  problem: string | null; // why the form cannot be sent now
}

// The button of a form and the reason that disables it. The button can have the focus while it is disabled, so that screen
// readers read the reason with it.
export function SubmitButton({ label, problem }: Props) {
  return (
    <>
      <Button
        look="primary" type="submit" className="w-full py-2.5" aria-disabled={problem !== null}
        title="Ctrl + Enter" aria-describedby="why-not"
      >
        {label}
      </Button>
      <p id="why-not" role="status" className="mt-2 min-h-5 text-sm text-stone-300">
        {problem}
      </p>
    </>
  );
}
