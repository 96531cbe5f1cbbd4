package dev.nudge.world;

import java.util.ArrayList;
import java.util.List;

/// A message template of a body and an ending. Of 576 phrasings 144 are held out: none of their
/// bodies and endings occurs in the others.
///
/// A held-out message shares no eight consecutive words with any other text. It shares only `the
/// PART SYMPTOM` (at most six words) and the circumstances (six), and a held-out phrasing has its
/// own words between and around them.
///
/// @param body with `{p}` for the machine, `{c}` for the part, `{s}` for the symptom
/// @param bridge precedes the circumstances; may be empty
/// @param closing ends the message; may be empty
record Phrasing(String body, String bridge, String closing) {
  private static final List<String> BODIES =
      List.of(
          "The {c} of my {p} {s}",
          "My {p} is in trouble: the {c} {s}",
          "I bought a {p} and now the {c} {s}",
          "Since yesterday the {c} on our {p} {s}",
          "Hello, the {c} {s} on my {p}",
          "Good morning, our {p} has a problem, the {c} {s}",
          "After the move the {c} in the {p} {s}",
          "Could you help? The {c} of the {p} {s}",
          "We own a {p}, and its {c} {s}",
          "On the {p} that you sold me the {c} {s}",
          "When I turn on the {p}, the {c} {s}",
          "It is about the {p}: every day the {c} {s}",
          "My wife says that the {c} of our {p} {s}",
          "Please look at my {p} because the {c} {s}",
          "The {p} in the hall worries me, its {c} {s}",
          "Once again the {c} of the {p} {s}",
          "Our new {p} arrived, but the {c} {s}",
          "Dear team, the {c} {s} and the {p} is useless",
          "For a week now the {c} of this {p} {s}",
          "There is a fault in the {p}: its {c} {s}",
          "Whenever it rains the {c} of the {p} {s}",
          "I think the {c} {s} in my {p}",
          "We cleaned the {p} and since then the {c} {s}",
          "Nothing helps, the {c} of my old {p} {s}",
          "Somebody told me to write: the {c} {s}, it is a {p}",
          "The {c} {s}. The machine is a {p}",
          "Model {p}, bought last year, and already the {c} {s}",
          "Again a complaint about the {p}, the {c} {s}",
          "Both of us saw that the {c} of the {p} {s}",
          "If I press start on the {p}, the {c} {s}",
          "Strange: on the {p} only the {c} {s}",
          "Every morning the {c} inside our {p} {s}",
          "I have a {p}. Its {c} {s}",
          "Why is it that the {c} of a {p} {s}",
          "The shop sent me to you: my {p}, the {c} {s}",
          "Sorry to trouble you, but the {c} in my {p} {s}");
  private static final List<String> HELD_OUT_BODIES =
      List.of(
          "Writing about the {p} here: I found out that its {c} {s} lately",
          "Be informed, the {c} belonging to our {p} {s} as of Monday",
          "Upstairs we run one {p} whose {c} {s}, sadly",
          "Regarding my {p}, I am afraid its {c} {s}",
          "Not happy with this {p}, for the {c} {s} all along",
          "According to my son the {c} {s}; he means the {p}",
          "Last night I watched how the {c} from the {p} {s}",
          "As soon as our {p} warms up its {c} {s}",
          "A quick note on the {p} downstairs, where the {c} {s}",
          "It seems to me the {c} {s} each time someone touches the {p}",
          "Between you and me, that {p} is no good, its {c} {s}",
          "Having tried everything with the {p}, I must say the {c} {s}");
  // Bridge | closing.
  private static final List<String> ENDINGS =
      List.of(
          "|Thank you.",
          "|What can I do?",
          "So you know:|Please advise.",
          "To be clear:|Kind regards.",
          "|Can you send somebody?",
          "By the way:|I hope to hear from you.",
          "One more thing:|Thanks in advance.",
          "|Let me know.",
          "Our situation:|Please call me.",
          "You may ask how it is.|That is the story.",
          "|",
          "Please note:|How do we go on?");
  private static final List<String> HELD_OUT_ENDINGS =
      List.of(
          "As for timing:|Grateful for any word from you.",
          "Where we stand:|Do write back, would you?",
          "Just to explain:|Looking forward to a solution.",
          "Here is the background:|Hoping you know a way.",
          "Some context:|Is there a remedy?",
          "Bear in mind:|I count on you.",
          "What matters to us:|Tell us the next move.",
          "In short:|Best wishes from the lake.",
          "The circumstances:|Your advice is welcome.",
          "Keep this in view:|Who will take care of it?",
          "Honestly:|Good luck with the repair.",
          "Before I forget:|Yours, a patient owner.");

  /// Returns the phrasings that any text may use.
  static List<Phrasing> known() {
    return all(BODIES, ENDINGS);
  }

  /// Returns held-out phrasings, whose bodies and endings occur in no training text.
  static List<Phrasing> heldOut() {
    return all(HELD_OUT_BODIES, HELD_OUT_ENDINGS);
  }

  private static List<Phrasing> all(List<String> bodies, List<String> endings) {
    List<Phrasing> all = new ArrayList<>();
    for (String body : bodies) {
      for (String ending : endings) {
        int bar = ending.indexOf('|');
        all.add(new Phrasing(body, ending.substring(0, bar), ending.substring(bar + 1)));
      }
    }
    return List.copyOf(all);
  }

  /// Returns the description of the fault, in one or two sentences.
  String complaint(String product, String part, String symptom) {
    String end = body.startsWith("Why") ? "?" : ".";
    return body.replace("{p}", product).replace("{c}", part).replace("{s}", symptom) + end;
  }

  /// Returns the whole message of a customer.
  ///
  /// @param circumstances sentence about the circumstances
  String message(String product, String part, String symptom, String circumstances) {
    String before = bridge.isEmpty() ? "" : bridge + " ";
    String after = closing.isEmpty() ? "" : " " + closing;
    return complaint(product, part, symptom) + " " + before + circumstances + after;
  }
}
