package dev.nudge.world;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/// Generates a page of several messages with a clerk's notes in one random format: fields, order,
/// separators, with or without a reply.
///
/// From worksheets the base learns to follow a format in context (few-shot). A reply may state the
/// visit's time for an urgency, by a rule that each page invents.
final class Worksheet {
  private static final List<String> ASKS =
      List.of("Message", "Message", "Text", "Note", "Letter", "Customer", "Input");
  private static final List<String> ANSWERS =
      List.of("Ticket", "Ticket", "Record", "Entry", "Card", "Summary", "Output");
  private static final List<String> BETWEEN = List.of("; ", "; ", ", ", " | ");
  private static final List<String> BEHIND = List.of(": ", ": ", " = ", " ");
  private static final List<String> FIELDS =
      List.of(
          "team{}{team}",
          "product{}{machine}",
          "code{}{code}",
          "part{}{part}",
          "step{}{step}",
          "urgency{}{urgency}");
  private static final List<String> TIMES =
      List.of("today", "this week", "this month", "next year");
  private static final List<String> TIMED_REPLIES =
      List.of(
          "reply{}The {team} team will call {time} about {code} of your {machine}. Please {step}.",
          "reply{}We know {code} on the {machine} well and come {time}. First {step}.",
          "reply{}Your {machine} is on the list {time}, code {code}. Until then {step}.",
          "reply{}Thank you, we look at your {machine} {time}. {code}: meanwhile {step}.");
  private static final List<String> REPLIES =
      List.of(
          "reply{}The {team} team will call about {code} of your {machine}. Please {step}.",
          "reply{}We know {code} on the {machine} well. First {step}.",
          "reply{}Your {machine} is on our list, code {code}. Until then {step}.",
          "reply{}Thank you, we look at your {machine}. Meanwhile {step}.");

  private final Pages pages;
  private final Random random;

  Worksheet(Pages pages, Random random) {
    this.pages = pages;
    this.random = random;
  }

  Page page() {
    String ask = pick(ASKS) + ": ";
    String answer = "\n" + pick(ANSWERS) + ": ";
    String between = pick(BETWEEN);
    String afterKey = pick(BEHIND);
    List<String> fields = new ArrayList<>(FIELDS);
    Collections.shuffle(fields, random);
    fields = fields.subList(0, 1 + random.nextInt(FIELDS.size()));
    boolean told = random.nextBoolean() || fields.contains("urgency{}{urgency}");
    boolean replies = random.nextBoolean();
    boolean timed = told && random.nextInt(4) > 0;
    List<String> times = new ArrayList<>(TIMES);
    Collections.shuffle(times, random);
    StringBuilder text = new StringBuilder();
    for (int i = 2 + random.nextInt(3); i > 0; i--) {
      CaseFacts facts = pages.any();
      String reply = replies ? between + pick(timed ? TIMED_REPLIES : REPLIES) : "";
      String line =
          (String.join(between, fields) + reply)
              .replace("{}", afterKey)
              .replace("{time}", times.get(facts.urgency().ordinal()));
      text.append(facts.fill(ask + (told ? "{message}" : "{complaint}") + answer + line))
          .append(i > 1 ? "\n\n" : "");
    }
    return Page.of(text.toString());
  }

  private String pick(List<String> all) {
    return all.get(random.nextInt(all.size()));
  }
}
