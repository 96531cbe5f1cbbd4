package dev.nudge.world;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/// Everything that a seed makes of the world: pages for the base, cases for an adapter and for its
/// test, and the control.
///
/// Each stream has a seed of its own, so the number of rows of one changes no other.
public record World(long seed) {
  /// Cases that a prompt of [#fewShot] shows.
  public static final int SHOTS = 3;

  private Random stream(int number) {
    return new Random(seed * 31 + number);
  }

  /// Gives pages of the base's schooling.
  void pages(int rows, Consumer<Page> each) {
    pages(1, rows, each);
  }

  /// Gives pages of the same kind that the base is not trained on.
  void otherPages(int rows, Consumer<Page> each) {
    pages(2, rows, each);
  }

  private void pages(int stream, int rows, Consumer<Page> each) {
    Pages pages = new Pages(new Catalogue(), stream(stream));
    for (int i = 0; i < rows; i++) {
      each.accept(pages.next());
    }
  }

  /// Questions and instructions that the base is not trained on, each with its one answer.
  List<Page> requests(int rows) {
    Pages pages = new Pages(new Catalogue(), stream(3));
    List<Page> requests = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      requests.add(pages.request());
    }
    return requests;
  }

  /// Cases to learn the task from.
  public List<SupportTicket> training(int rows) {
    return tickets(new Catalogue().known(), Phrasing.known(), rows, stream(4));
  }

  /// Cases of machines and phrasings that nothing was trained on.
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

  /// The first case of each urgency.
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

  /// Returns the tickets' answers in another order, for a control: only their form can be learned.
  List<String> permuted(List<SupportTicket> tickets) {
    List<String> answers =
        new ArrayList<>(tickets.stream().map(SupportTicket::completion).toList());
    Collections.shuffle(answers, stream(6));
    return answers;
  }

  /// Prompts that show cases of `training` before the one to answer.
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
