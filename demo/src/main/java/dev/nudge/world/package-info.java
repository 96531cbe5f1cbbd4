/// An invented world: a family of machines, what can be wrong with them, and who writes about it.
///
/// It makes the texts that the shipped base learns from, the rows of the task that an adapter
/// learns, and the grades of answers. All of it follows from a seed and from the word lists here;
/// `docs/reference/world.md` says why it is as it is. It knows nothing about models, tokenizers or
/// training.
///
/// Read [SupportTicket] first.
@NullMarked
package dev.nudge.world;

import org.jspecify.annotations.NullMarked;
