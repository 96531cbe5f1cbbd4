/// The web dashboard at `/ui`, and the routes that only it uses: registry, training runs, load.
///
/// The page is plain files beside this package's classes: `index.html`, `ui.css` and a few
/// modules, `app.js` first. It knows the server by its routes alone.
///
/// Knows nothing about prompts, answers and experiments. Read `UiFiles` first, then
/// `VersionRoutes`.
@NullMarked
package dev.nudge.server.ui;

import org.jspecify.annotations.NullMarked;
