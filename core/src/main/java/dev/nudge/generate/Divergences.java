package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters.Attachment;
import dev.nudge.engine.Caller;
import dev.nudge.engine.Engine;
import dev.nudge.engine.SequenceRequest;
import dev.nudge.engine.Ticket;
import dev.nudge.generate.Likelihoods.Item;
import dev.nudge.model.KlDivergence;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.function.ObjIntConsumer;

/// Measures how far an adapter moves the model's predictions on given texts, token by token:
/// KL(base ‖ adapter), the direction of [KlDivergence].
///
/// Both prefill the same tokens in one engine. The base's logits of some tokens are kept, at most
/// [#ROOM_BYTES] of them, and compared with the adapter's; a long text goes in pieces, each of
/// which finds the piece before it in the prefix cache.
///
/// Threading: any thread.
public final class Divergences {
  private static final long ROOM_BYTES = 64 << 20; // of the base's logits

  private Divergences() {}

  /// The divergence of one item.
  ///
  /// @param sum sum over its scored tokens of the KL of the distributions there, in nats
  /// @param tokens number of scored tokens
  public record Score(double sum, int tokens) {}

  /// Tokens of an item whose successors are compared together.
  ///
  /// @param first place whose successor is compared
  /// @param last likewise
  private record Piece(int item, int first, int last) {
    int rows() {
      return last - first + 1;
    }
  }

  /// Computes the divergence of each item.
  ///
  /// @param adapter name of the adapter
  /// @param told receives each score with the index of its item, on this thread
  /// @throws RunException if an interrupt of this thread left items that were not compared
  public static void of(
      Session session, String adapter, List<Item> items, ObjIntConsumer<Score> told) {
    Lock held = session.hold();
    try {
      items.forEach(item -> session.config().checkTokens(item.ids()));
      Attachment attachment = session.adapters().attachment(adapter);
      long width = (long) session.config().vocabSize() * Double.BYTES;
      int room = (int) Math.max(1, ROOM_BYTES / width);
      double[] sums = new double[items.size()];
      for (List<Piece> group : groups(items, room)) {
        double[][][] base = new double[group.size()][][];
        for (int i = 0; i < base.length; i++) {
          base[i] = new double[group.get(i).rows()][];
        }
        Attachment bare = Attachment.BASE;
        read(session, bare, items, group, (i, row, z) -> base[i][row] = z.clone());
        Reader apart = (i, row, z) -> sums[group.get(i).item()] += KlDivergence.of(base[i][row], z);
        read(session, attachment, items, group, apart);
        for (Piece piece : group) {
          Item item = items.get(piece.item());
          if (piece.last() == item.ids().length - 2) {
            Score score = new Score(sums[piece.item()], item.ids().length - item.from());
            told.accept(score, piece.item());
          }
        }
      }
    } finally {
      held.unlock();
    }
  }

  /// Pieces in order, as many together as there is room for.
  private static List<List<Piece>> groups(List<Item> items, int room) {
    List<List<Piece>> groups = new ArrayList<>();
    int left = 0;
    for (int i = 0; i < items.size(); i++) {
      int end = items.get(i).ids().length - 2;
      for (int first = items.get(i).from() - 1; first <= end; ) {
        if (left == 0) {
          groups.add(new ArrayList<>());
          left = room;
        }
        Piece piece = new Piece(i, first, Math.min(end, first + left - 1));
        groups.getLast().add(piece);
        left -= piece.rows();
        first += piece.rows();
      }
    }
    return groups;
  }

  /// Takes the logits behind a token.
  private interface Reader {
    /// @param piece its number
    /// @param row of the token in the piece
    /// @param logits valid during the call
    void read(int piece, int row, double[] logits);
  }

  /// One piece as an engine reads it.
  private record Read(int number, Piece piece, Logits logits, Reader reader) implements Caller {
    @Override
    public void read(Tensor rows, int row, int[] ids, int place) {
      logits.read(rows, row);
      logits.max(); // refuses what is no number
      reader.read(number, place - piece.first(), logits.all());
    }

    @Override
    public int next(Tensor rows, int row, int[] ids, int count) {
      read(rows, row, ids, piece.last());
      return END;
    }
  }

  private static void read(
      Session session, Attachment attachment, List<Item> items, List<Piece> group, Reader reader) {
    Engine engine = session.engine();
    ArrayDeque<Ticket> tickets = new ArrayDeque<>();
    try {
      for (int i = 0; i < group.size(); i++) {
        Piece piece = group.get(i);
        int[] prompt = Arrays.copyOf(items.get(piece.item()).ids(), piece.last() + 1);
        Read one = new Read(i, piece, session.room().logits(), reader);
        tickets.add(
            engine.submit(SequenceRequest.likelihood(prompt, attachment, piece.first()), one));
      }
      while (!tickets.isEmpty()) {
        tickets.removeFirst().await();
        if (Thread.currentThread().isInterrupted()) {
          throw new RunException("interrupted: some texts are not compared");
        }
      }
    } finally {
      tickets.forEach(Ticket::cancel);
    }
  }
}
