/// Keeps generation within a regular expression or a JSON schema: which tokens may come next.
///
/// A pattern or a schema is compiled once into rules over bytes ([Rules]), which call each other
/// where a schema nests. [GrammarMatcher] makes their states as they are needed, and walks the
/// vocabulary
/// ([TokenTrie]) along them for the set of tokens that a state allows. That set is exact: a token
/// is
/// allowed where some text that goes on with it is whole, and only there.
///
/// It knows nothing about models, scores or sampling, and never looks at a text as a whole.
///
/// Read [Constraint] first, then [GrammarMatcher].
@NullMarked
package dev.nudge.constrain;

import org.jspecify.annotations.NullMarked;
