// The form across a reload of the page. Its pictures are stored beside it, where they are small enough.
import { loadSession, removeSession, storeSession } from '../../shared/lib/session';
import { emptyForm, type FormState } from './form';

const formKey = 'atelier.create.form';
const picturesKey = 'atelier.create.pictures';
const pictureCharsMax = 2_000_000; // browsers keep about 5 million characters per page

type Pictures = Pick<FormState, 'source' | 'mask'>;

export function loadForm(): FormState {
  const values = loadSession(formKey) as Partial<FormState> | null;
  const form: FormState = { ...emptyForm, ...values };
  const pictures = loadSession(picturesKey) as Pictures | null;
  return { ...form, ...pictures };
}

export function storeValues({ source: _source, mask: _mask, ...values }: FormState): void {
  storeSession(formKey, values);
}

export function storePictures({ source, mask }: Pictures): void {
  const length = (source?.dataUrl.length ?? 0) + (mask?.dataUrl.length ?? 0);
  if (!source || length > pictureCharsMax) removeSession(picturesKey);
  else storeSession(picturesKey, { source, mask });
}
