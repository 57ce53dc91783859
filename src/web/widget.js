// For other people's pages: <script src="https://…/widget.js"></script> <linecard-call agent="receptionist"></linecard-call>
// A plain script, so that one tag is enough; the element is a module beside it.
(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  import(new URL('web/element.js', script.src).href).catch((error) => {
    console.error('Linecard: the element could not be loaded', error);
  });
})();
