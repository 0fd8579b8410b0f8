/**
 * Runs in the page under test: tells `noteControl` of each control and key that can be seen, and of each that is used. A control is
 * called by the view or the part of the frame where it stands, its kind and its words, without the names of hosts and things.
 */
function viewHere() {
  const [name = '', second] = location.pathname.split('/').filter((part) => part !== '');
  return `/${name}${second === undefined || name === 'incidents' ? '' : '/:'}`;
}

function wordsIn(element) {
  const copy = element?.cloneNode(true);
  if (!(copy instanceof Element)) return '';
  for (const part of copy.querySelectorAll('kbd, input, select, .badge, .unseen')) part.remove();
  return (copy.textContent ?? '').replaceAll(/\s+/g, ' ').trim();
}

function targetOf(anchor) {
  if (anchor.hash !== '') return anchor.hash;
  const names = anchor.pathname.split('/').filter((part) => part !== '');
  // Filters that are set are only carried along.
  const here = new URLSearchParams(location.search);
  const query = [...new URLSearchParams(anchor.search)]
    .filter(([key, value]) => here.get(key) !== value)
    .map(([key]) => key);
  return `/${[names[0] ?? '', ...names.slice(1).map(() => ':')].join('/')}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

function placeOf(element) {
  if (element.closest('dialog') !== null) return 'dialog';
  if (element.closest('.head') !== null) return 'head';
  if (element.closest('.foot') !== null) return 'foot';
  if (element.closest('.notices') !== null) return 'notes';
  if (element.matches('.skip')) return 'frame';
  return element.closest('.alarms') === null ? viewHere() : 'alarms';
}

function nameOf(element) {
  if (element instanceof HTMLAnchorElement) return `link to ${targetOf(element)}`;
  if (element.matches('summary'))
    return `summary ${wordsIn(element)
      .replaceAll(/\d+/g, 'N')
      .replace(/ over N.*/, '')
      .replace(/^Stopped by .*?; all|^All/, 'all')
      .replace(/^\S+: (.* old|never heard).*/, 'source')}`;
  if (element.matches('[role=option]')) return 'option';
  if (element instanceof HTMLInputElement && element.type === 'radio') return 'radio For how long';
  if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement) {
    const label = element.getAttribute('aria-label') ?? wordsIn(element.closest('label'));
    return `field ${label.replace(/(or type).*/, '$1')}`;
  }
  const label = element.getAttribute('aria-label') ?? wordsIn(element);
  if (element.matches('.hold')) return 'button Hold';
  return `button ${label
    .replace(/^Approve .+…$/, 'Approve…')
    .replace(/^Colours: .*/, 'Colours:')
    .replace(/^Asking…$/, '')}`;
}

function keyLabel(key) {
  const row = document.activeElement?.closest('[data-row]');
  const near = row ?? document.querySelector('article > .commands, header ~ .commands');
  const button = [...(near?.querySelectorAll('button') ?? [])].find(
    (each) => each.querySelector('kbd')?.textContent === key,
  );
  return button === undefined ? '' : ` ${nameOf(button)}`;
}

(() => {
  const told = new Set();
  const say = (kind, name) => {
    const note = `${kind} ${name}`;
    if (told.has(note)) return;
    told.add(note);
    globalThis.noteControl(note);
  };
  const controls = 'a[href], button, summary, input, select, [role=option]';
  const controlOf = (target) => {
    if (!(target instanceof Element)) return null;
    const near = target.closest(controls);
    const label = target.closest('label');
    return near ?? (label === null ? null : label.querySelector(controls));
  };
  // For tests that press whatever there is.
  globalThis.controlsHere = () =>
    [...document.querySelectorAll(controls)]
      .filter((each) => each.checkVisibility() && !each.matches(':disabled, .skip'))
      .map((element) => ({ name: `${placeOf(element)} ${nameOf(element)}`, element }));
  const note = (kind, element) => {
    // A button that cannot be pressed, and what a folded part holds, is not there for anybody.
    if (kind === 'found' && (!element.checkVisibility() || element.matches(':disabled'))) return;
    if (kind === 'found' && element.href === location.href) return;
    const name = nameOf(element);
    if (!name.endsWith(' ')) say(kind, `${placeOf(element)} ${name}`);
  };
  /** Holding it is how the act behind it is confirmed. */
  const noteHold = (target) => {
    const button = target instanceof Element ? target.closest('.hold') : null;
    if (button === null) return;
    note('used', button);
    say('used', `dialog button ${wordsIn(button).replace('Hold: ', '')}`);
  };
  for (const type of ['click', 'change', 'input'])
    document.addEventListener(
      type,
      ({ target }) => {
        const control = controlOf(target);
        if (control !== null && !control.matches('.hold')) note('used', control);
      },
      true,
    );
  document.addEventListener('submit', ({ submitter }) => submitter !== null && note('used', submitter), true);
  document.addEventListener('pointerdown', ({ target }) => noteHold(target), true);
  let label = '';
  addEventListener(
    'keydown',
    ({ key, target }) => {
      if (key === ' ' || key === 'Enter') noteHold(target);
      label = keyLabel(key);
    },
    true,
  );
  addEventListener('keydown', ({ key, defaultPrevented }) => {
    const name = key === ' ' ? 'Space' : key;
    if (defaultPrevented || key === 'Escape') say('used', `key ${name}`);
    if (defaultPrevented && label !== '') say('used', `key ${name}${label}`);
  });
  let isDue = false;
  const look = () => {
    isDue = false;
    for (const element of document.querySelectorAll(controls)) note('found', element);
    for (const kbd of document.querySelectorAll('main button kbd')) {
      const button = kbd.closest('button');
      if (button !== null) say('found', `key ${kbd.textContent} ${nameOf(button)}`);
    }
  };
  new MutationObserver(() => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(look);
  }).observe(document, { childList: true, subtree: true, attributes: true });
})();
