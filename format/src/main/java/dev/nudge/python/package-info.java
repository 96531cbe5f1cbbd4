/// Reimplements parts of Python exactly, where a file, a template or a score depends on them.
///
/// Strings ([dev.nudge.python.PythonText]: `str.split`, `str.strip`, `isspace`), JSON
/// ([dev.nudge.python.PythonJson]: `json.dumps`; [dev.nudge.python.JsonCheck]: whether `json.loads`
/// succeeds), literals (`ast.literal_eval`), `random.Random`, `repr` and format specifications of
/// numbers, `textwrap` and `strftime`. [dev.nudge.python.ValueError] is thrown where Python raises
/// an error. Regular expressions are [dev.nudge.settings.PythonRegex] and
/// [dev.nudge.settings.PythonPattern], because settings check patterns.
///
/// It knows nothing about templates, tasks, adapters or files. Read `PythonText` first.
@NullMarked
package dev.nudge.python;

import org.jspecify.annotations.NullMarked;
