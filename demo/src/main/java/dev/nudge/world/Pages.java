package dev.nudge.world;

import java.util.List;
import java.util.Random;

/// Generates the base's pre-training texts: data sheets, handbook, dialogues, questions,
/// instructions and worksheets.
///
/// They contain every rule of the world except urgency (whether a case is high, normal or low, and
/// when a technician comes), and every field of the task's format, but never all fields together.
final class Pages {
  private static final List<String> SHEETS =
      List.of(
          "Product sheet: {machine}\nLine: {line}\nKind: {kind}\nWeight: {weight}\nMade in: {town}",
          "The {machine} is a {kind} of the {line} line. The {machine} weighs {weight} and is made in"
              + " {town}.",
          "From {town} comes the {machine}, a {kind}. Like every machine of the family the {machine}"
              + " has a {part}.");
  private static final List<String> HANDBOOK =
      List.of(
          "Code {code}: the {part} {fault}. Team: {team}. First step: {step}.",
          "A customer says that the {said part} {said fault}. This is code {code}: {letter} for the"
              + " {part}, {number} because it {fault}. The {team} team takes it. Meanwhile: {step}.",
          "{letter} stands for the {part}, also called {other part}. The {team} team looks after it.",
          "{number} means that a part {all faults}. First step: {step}.",
          "The {team} team looks after these parts: {team parts}.");
  private static final String BOOK = "From the code book:";
  private static final String BOOK_LINE = "\n{said part} {said fault} - {code}";
  private static final List<String> TALKS =
      List.of(
          "Customer: The {said part} {said fault}.\nAgent: Which machine is it?\nCustomer: A"
              + " {machine}.\nAgent: So the {part} {fault} on your {machine}. That is code {code} for"
              + " the {team} team. Meanwhile please {step}.",
          "Customer: {complaint}\nAgent: Your {machine} has code {code}, the {part} {fault}. The"
              + " {team} team will call. Please {step}.",
          "Customer: {message}\nAgent: {verdict} I write down {code} for the {machine}.\nCustomer:"
              + " And now?\nAgent: First {step}. The {team} team knows.");
  private static final List<String> ENDS =
      List.of("\nCustomer: {told}\nAgent: {verdict}", "\nCustomer: Thank you.");
  // Question | answer, instruction | answer.
  private static final List<String> QUESTIONS =
      List.of(
          "Which code is it when the {said part} {said fault}?|{code}.",
          "Who looks after the {said part}?|The {team} team.",
          "What does code {code} mean?|The {part} {fault}.",
          "The {said part} {said fault}, what comes first?|{capital step}.",
          "Which letter has the {said part}?|{letter}.",
          "Which number is it if something {said fault}?|{number}.",
          "{told} Can it wait?|{verdict}",
          "Which team gets code {code}?|The {team} team.");
  private static final String HOME =
      "Where is the {machine} made?|The {machine} is made in {town}.";
  private static final List<String> INSTRUCTIONS =
      List.of(
          "Name the machine.|{machine}",
          "Name the machine.|{machine}",
          "Name the part.|{part}",
          "Give the code.|{code}",
          "Name the team.|{team}",
          "Say what to do first.|{step}",
          "Give machine and code.|{machine}, {code}",
          "Sum up in one sentence.|The {part} of a {machine} {fault}.");

  private final Catalogue catalogue;
  private final List<Phrasing> phrasings = Phrasing.known();
  private final Chatter chatter;
  private final Random random;

  Pages(Catalogue catalogue, Random random) {
    this.catalogue = catalogue;
    this.chatter = new Chatter(random);
    this.random = random;
  }

  /// Generates the next page.
  Page next() {
    int kind = random.nextInt(100);
    if (kind < 8) {
      return Page.of(any().fill(pick(SHEETS)));
    } else if (kind < 25) {
      return Page.of(any().fill(pick(HANDBOOK)));
    } else if (kind < 28) {
      return Page.of(book());
    } else if (kind < 40) {
      String talk = pick(TALKS);
      return Page.of(any().fill(talk.contains("{message}") ? talk : talk + pick(ENDS)));
    } else if (kind < 65) {
      return request();
    }
    return new Worksheet(this, random).page();
  }

  /// Generates an instruction with a single right answer.
  Page request() {
    int kind = random.nextInt(9);
    if (kind < 3) {
      int asked = random.nextInt(QUESTIONS.size() + 1);
      return asked < QUESTIONS.size()
          ? question(any(), QUESTIONS.get(asked))
          : question(of(catalogue.known(random)), HOME);
    } else if (kind < 5) {
      return repetition();
    }
    CaseFacts facts = any();
    String input = facts.fill(random.nextBoolean() ? "{message}" : "{complaint}");
    return asking("Instruction: ", facts, pick(INSTRUCTIONS), "\nInput: " + input + "\nOutput:");
  }

  private static Page question(CaseFacts facts, String question) {
    return asking("Question: ", facts, question, "\nAnswer:");
  }

  private static Page asking(String before, CaseFacts facts, String template, String after) {
    int bar = template.indexOf('|');
    return new Page(
        before + facts.fill(template.substring(0, bar)) + after,
        " " + facts.fill(template.substring(bar + 1)));
  }

  /// Generates an instruction to repeat one or several names.
  private Page repetition() {
    StringBuilder names = new StringBuilder(catalogue.any(random).name());
    for (int i = random.nextInt(3); i > 0; i--) {
      names.append(", ").append(catalogue.any(random).name());
    }
    return new Page("Instruction: Repeat.\nInput: " + names + "\nOutput:", " " + names);
  }

  private String book() {
    StringBuilder text = new StringBuilder(BOOK);
    for (int i = 4 + random.nextInt(5); i > 0; i--) {
      text.append(any().fill(BOOK_LINE));
    }
    return text.toString();
  }

  /// Draws a case of any machine; one in four has a phrasing of the task.
  CaseFacts any() {
    return of(catalogue.any(random));
  }

  private CaseFacts of(Product product) {
    Phrasing phrasing = random.nextInt(4) == 0 ? pick(phrasings) : chatter.phrasing();
    return CaseFacts.draw(product, phrasing, random);
  }

  private <T> T pick(List<T> all) {
    return all.get(random.nextInt(all.size()));
  }
}
