/// Constrained decoding: computes which tokens may come next under a regular expression or a JSON
/// schema.
///
/// A pattern or schema is compiled once into a grammar over bytes ([Rules]), whose rules call each
/// other as schemas nest. [GrammarMatcher] builds the states of that automaton lazily, and walks
/// the vocabulary, a trie ([TokenTrie]), along them to find a state's token mask. The mask is
/// exact: a token is allowed if and only if some complete text begins with the text so far and this
/// token.
///
/// It knows nothing about models, logits or sampling. Read [Constraint] first, then
/// [GrammarMatcher].
@NullMarked
package dev.nudge.constrain;

import org.jspecify.annotations.NullMarked;
