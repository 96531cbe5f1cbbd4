/// Does what Python does, to the letter, where a file, a template or a score depends on it.
///
/// Text ([dev.nudge.python.PythonText]: `str.split`, `str.strip`, `isspace`), JSON
/// ([dev.nudge.python.PythonJson]: `json.dumps`; [dev.nudge.python.JsonCheck]: whether `json.loads`
/// reads it), literals (`ast.literal_eval`), `random.Random`, `repr` and format specifications of
/// numbers, `textwrap` and `strftime`. An argument that Python refuses is refused by a
/// [dev.nudge.python.ValueError]. Regular expressions as Python has them are
/// [dev.nudge.settings.PythonRegex] and [dev.nudge.settings.PythonPattern], since settings check
/// patterns.
///
/// It knows nothing about templates, tasks, adapters or files. Read `PythonText` first.
@NullMarked
package dev.nudge.python;

import org.jspecify.annotations.NullMarked;
