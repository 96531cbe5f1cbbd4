/// The page at `/ui`, and the routes that only it asks: what is in the registry, runs, load.
///
/// The page itself is plain files beside this package's classes: `index.html`, `ui.css` and a few
/// modules of which `app.js` is the first to read. It knows the server by its routes alone.
///
/// Knows nothing about prompts, answers and experiments.
///
/// Read `UiFiles` first, then `VersionRoutes`.
@NullMarked
package dev.nudge.server.ui;

import org.jspecify.annotations.NullMarked;
