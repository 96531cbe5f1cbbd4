package dev.nudge.world;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/// Generates all data of the world from one seed: pre-training pages, fine-tuning cases, test
/// cases, control.
///
/// Each stream has its own random generator, so the length of one stream does not change another.
public record World(long seed) {
  /// Few-shot examples in a prompt of [#fewShot].
  public static final int SHOTS = 3;

  private Random stream(int number) {
    return new Random(seed * 31 + number);
  }

  /// Generates pre-training pages.
  void pages(int rows, Consumer<Page> each) {
    pages(1, rows, each);
  }

  /// Generates held-out pages of the same kinds.
  void otherPages(int rows, Consumer<Page> each) {
    pages(2, rows, each);
  }

  private void pages(int stream, int rows, Consumer<Page> each) {
    Pages pages = new Pages(new Catalogue(), stream(stream));
    for (int i = 0; i < rows; i++) {
      each.accept(pages.next());
    }
  }

  /// Generates held-out questions and instructions, each with a single right answer.
  List<Page> requests(int rows) {
    Pages pages = new Pages(new Catalogue(), stream(3));
    List<Page> requests = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      requests.add(pages.request());
    }
    return requests;
  }

  /// Generates training cases of the task.
  public List<SupportTicket> training(int rows) {
    return tickets(new Catalogue().known(), Phrasing.known(), rows, stream(4));
  }

  /// Generates test cases, with held-out machines and phrasings.
  public List<SupportTicket> test(int rows) {
    return tickets(new Catalogue().heldOut(), Phrasing.heldOut(), rows, stream(5));
  }

  private static List<SupportTicket> tickets(
      List<Product> products, List<Phrasing> phrasings, int rows, Random random) {
    List<SupportTicket> tickets = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      tickets.add(SupportTicket.draw(products, phrasings, random));
    }
    return tickets;
  }

  /// Returns the first case of each urgency.
  public static List<SupportTicket> oneOfEach(List<SupportTicket> tickets) {
    List<SupportTicket> first = new ArrayList<>();
    for (Urgency urgency : Urgency.values()) {
      tickets.stream()
          .filter(t -> t.facts().urgency() == urgency)
          .findFirst()
          .ifPresent(first::add);
    }
    return first;
  }

  /// Returns the answers in shuffled order, as a control from which only the format can be learned.
  List<String> permuted(List<SupportTicket> tickets) {
    List<String> answers =
        new ArrayList<>(tickets.stream().map(SupportTicket::completion).toList());
    Collections.shuffle(answers, stream(6));
    return answers;
  }

  /// Returns few-shot prompts: examples from `training`, then the test case.
  public List<String> fewShot(List<SupportTicket> test, List<SupportTicket> training) {
    Random random = stream(7);
    List<String> prompts = new ArrayList<>();
    for (SupportTicket ticket : test) {
      StringBuilder prompt = new StringBuilder();
      for (int i = 0; i < SHOTS; i++) {
        SupportTicket shown = training.get(random.nextInt(training.size()));
        prompt.append(shown.prompt()).append(shown.completion()).append("\n\n");
      }
      prompts.add(prompt + ticket.prompt());
    }
    return prompts;
  }
}
