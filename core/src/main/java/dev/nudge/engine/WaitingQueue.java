package dev.nudge.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Queues sequences fairly: the next one is the first of the client that was served the fewest
/// tokens.
///
/// Each client has a counter of prompt and generated tokens. A client that comes back after a pause
/// starts at the lowest counter of the clients that are there, so that a pause earns no credit. So
/// clients that are always busy get the same number of tokens in the long run, however many
/// requests they send and however long; no answer's length has to be guessed, as a round robin with
/// a quantum must. Sequences of low priority come when nothing else runs or waits.
///
/// Sheng et al., Fairness in Serving Large Language Models, OSDI 2024 (arXiv:2401.00588).
///
/// Threading: confined to the engine's thread.
final class WaitingQueue {
  private static final int REMEMBERED = 1024; // clients that want nothing now

  /// Who asks, and how much was done for it.
  static final class Client {
    private final ArrayDeque<Sequence> queue = new ArrayDeque<>();
    private double served;
    private int there; // sequences, waiting and running

    /// Counts tokens that were read or said for it.
    void charge(int tokens) {
      served += tokens;
    }

    /// Tokens that were read or said for it.
    double served() {
      return served;
    }

    /// One of its sequences has ended.
    void leave() {
      there--;
    }
  }

  private final Map<String, Client> clients = new HashMap<>();
  private final ArrayDeque<Sequence> low = new ArrayDeque<>();
  private double least; // counter of the client whose turn came last

  void add(Sequence s) {
    if (s.ask.low()) {
      low.add(s);
      return;
    }
    Client client = clients.computeIfAbsent(s.ask.client(), name -> new Client());
    boolean back = client.there == 0;
    if (back) {
      client.served = Math.max(client.served, floor());
    }
    client.there++;
    if (back) {
      forget(); // not this one, which is there now
    }
    client.queue.add(s);
    s.of(client);
  }

  private double floor() {
    return clients.values().stream()
        .filter(c -> c.there > 0)
        .mapToDouble(c -> c.served)
        .min()
        .orElse(least);
  }

  private void forget() {
    if (clients.size() > REMEMBERED) {
      clients.values().removeIf(c -> c.there == 0 && c.served <= least);
    }
    if (clients.size() > 2 * REMEMBERED) {
      clients.values().removeIf(c -> c.there == 0);
    }
  }

  private @Nullable Client turn() {
    Client next = null;
    for (Client client : clients.values()) {
      if (!client.queue.isEmpty() && (next == null || client.served < next.served)) {
        next = client;
      }
    }
    return next;
  }

  /// The sequence whose turn it is; null where none waits.
  ///
  /// @param idle whether only sequences of low priority run, or none
  @Nullable Sequence peek(boolean idle) {
    Client next = turn();
    return next != null ? next.queue.peek() : idle ? low.peek() : null;
  }

  /// Takes out what [#peek] gave.
  void take(Sequence s) {
    if (s.ask.low()) {
      low.remove(s);
    } else {
      s.client().queue.remove(s);
      least = Math.max(least, s.client().served);
    }
  }

  /// Takes out those that have ended.
  void drop(Predicate<Sequence> ended) {
    low.removeIf(ended);
    clients.values().forEach(client -> client.queue.removeIf(ended));
  }

  boolean isEmpty() {
    return low.isEmpty() && turn() == null;
  }

  List<Sequence> all() {
    List<Sequence> all = new ArrayList<>(low);
    clients.values().forEach(client -> all.addAll(client.queue));
    return all;
  }
}
