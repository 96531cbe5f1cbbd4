package dev.nudge.world;

import java.util.List;
import java.util.Locale;
import java.util.Random;

/// The urgency of a case, determined by the circumstances in a message.
///
/// The base learns the urgency of circumstances, but not the visit's time, which only the adapter
/// learns.
enum Urgency {
  HIGH(
      "today",
      "That cannot wait.",
      "Guests arrive tonight.",
      "A patient depends on it.",
      "Smoke came out of it.",
      "The whole kitchen stands still.",
      "My baby sleeps beside it.",
      "Sparks flew across the room.",
      "The ward needs it now.",
      "Somebody was hurt already.",
      "Our shop opens in an hour.",
      "Production has stopped completely.",
      "Water runs into the cellar.",
      "It gave me a shock.",
      "The wedding is tomorrow.",
      "We lose money every minute.",
      "The fire alarm went off.",
      "All our cold stock melts."),
  NORMAL(
      "this week",
      "We see to it in turn.",
      "I use it most days.",
      "We can manage for some days.",
      "A neighbour lends me hers meanwhile.",
      "It would help before the weekend.",
      "We wash by hand until then.",
      "It still works now and then.",
      "I need it again on Friday.",
      "The office can cope for now.",
      "It slows us down a little.",
      "My family asks about it daily.",
      "I have an older one meanwhile.",
      "We share one with next door.",
      "It is a nuisance at breakfast.",
      "I would rather not wait long.",
      "The team has a second one.",
      "We go without for some evenings."),
  LOW(
      "this month",
      "Then there is no rush.",
      "There is no hurry at all.",
      "It stands in the attic anyway.",
      "I am away until spring.",
      "It is only a spare one.",
      "Nobody uses it this season.",
      "Take all the time you need.",
      "I just wanted to mention it.",
      "It can wait for months.",
      "We close for the winter anyway.",
      "I hardly ever use it.",
      "I only noticed it while cleaning.",
      "We keep it for show.",
      "The holiday house is empty now.",
      "It is for my collection.",
      "Come whenever you pass by.",
      "I ask out of curiosity.");

  private final String when;
  private final String verdict;
  private final List<String> circumstances;

  Urgency(String when, String verdict, String... circumstances) {
    this.when = when;
    this.verdict = verdict;
    this.circumstances = List.of(circumstances);
  }

  /// Returns the urgency's name as an answer spells it.
  String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// Returns an answer's words for the visit's time.
  String when() {
    return when;
  }

  /// Returns an agent's sentence about a case of this urgency.
  String verdict() {
    return verdict;
  }

  /// Draws a circumstance of this urgency, a sentence of at most six words.
  String told(Random random) {
    return circumstances.get(random.nextInt(circumstances.size()));
  }
}
