package dev.nudge.world;

import java.util.List;
import java.util.Random;

/// A case of the fine-tuning task: a customer's message (prompt) and the ticket that answers it
/// (completion).
///
/// ```
///   Message: The water pump of my Velmora 340 drips. Guests arrive tonight. Thank you.
///   Ticket: team: water; urgency: high; product: Velmora 340; code: P19; reply: We look at your
///           Velmora 340 today, code P19. Please put a cloth below.
/// ```
///
/// Every field of the ticket follows from the message by rules that hold for all machines, so
/// unseen machines can be answered: the product is copied; the code is the part's letter and the
/// symptom's number; the part determines the team; the circumstances determine the urgency and the
/// visit's time; the symptom determines the first step. Only the wording of the reply is free.
public record SupportTicket(CaseFacts facts, String reply) {
  static final String ASK = "Message: ";
  static final String ANSWER = "\nTicket:";

  private static final String FIELDS =
      " team: {team}; urgency: %s; product: {machine}; code: {code}; reply: ";
  private static final List<String> REPLIES =
      List.of(
          "We look at your {machine} {when}, code {code}. Please {step}.",
          "The {team} team sees to {code} of your {machine} {when}. Until then {step}.",
          "Thank you. {code} on the {machine} is repaired {when}. First {step}.",
          "Your {machine} is on our list for {when}, code {code}. Meanwhile {step}.");

  /// Draws a case.
  static SupportTicket draw(List<Product> products, List<Phrasing> phrasings, Random random) {
    CaseFacts facts =
        CaseFacts.draw(
            products.get(random.nextInt(products.size())),
            phrasings.get(random.nextInt(phrasings.size())),
            random);
    return new SupportTicket(facts, facts.fill(REPLIES.get(random.nextInt(REPLIES.size()))));
  }

  /// Returns the fault code of a part with a symptom.
  static String code(MachinePart part, Symptom symptom) {
    return part.letter() + symptom.number();
  }

  /// Returns the customer's message.
  public String message() {
    return facts.message();
  }

  /// Returns the prompt, up to the start of the answer.
  public String prompt() {
    return ASK + message() + ANSWER;
  }

  /// Returns the right answer (target text).
  public String completion() {
    return facts.fill(FIELDS.formatted(facts.urgency().word())) + reply;
  }
}
