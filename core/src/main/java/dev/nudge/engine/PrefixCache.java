package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.KvPool;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Keeps the KV cache blocks of prompts, so that prefixes shared by later prompts are not prefilled
/// again.
///
/// Full blocks are kept, in a tree: a block is found by the sequence's adapter, anew for each
/// attaching, and by all tokens up to the block's end. Tokens are compared, not hashes of them, so
/// no sequence sees the keys of another adapter or text. Only prompts are kept, not answers: keys
/// of decoded tokens differ in their last bits from those of prefilled ones, and an answer must
/// have the bits that it has alone.
///
/// If blocks are needed, those that no sequence uses are evicted, the least recently used first; a
/// block is never evicted before those that follow it.
///
/// Threading: confined to the engine's thread.
final class PrefixCache {
  private static final int STATES = 16; // most that are kept, each as large as a sequence's

  private final KvPool pool;
  private final Map<NamedAdapters.Attachment, Node> roots = new HashMap<>();
  private final LinkedHashSet<Node> order = new LinkedHashSet<>(); // the first goes first
  private final BooleanSupplier roomy;
  private final boolean recurrent;

  /// A block behind those of its parents.
  private static final class Node {
    final Map<IntBuffer, Node> children = new HashMap<>();
    final @Nullable Node parent; // null: a root, which is no block
    final @Nullable IntBuffer tokens;
    final int block;
    KvCache.@Nullable Snapshot states; // behind the block; null: none are kept

    Node(@Nullable Node parent, @Nullable IntBuffer tokens, int block) {
      this.parent = parent;
      this.tokens = tokens;
      this.block = block;
    }
  }

  /// @param recurrent whether a sequence has states beside its keys
  /// @param roomy whether keys that are kept may take memory of their own, and not only what
  ///     sequences had at their most
  PrefixCache(KvPool pool, boolean recurrent, BooleanSupplier roomy) {
    this.pool = pool;
    this.recurrent = recurrent;
    this.roomy = roomy;
    pool.reclaim(this::wanted);
  }

  /// Lets a sequence that has read nothing begin with what is kept of its prompt.
  ///
  /// @param apart whether a sequence's keys may be turned otherwise than those of short ones
  /// @return whether it should rather wait, for a sequence before it will have read more of that
  boolean waits(Sequence s, List<Sequence> running, Predicate<Sequence> apart) {
    List<Node> known = path(s);
    List<Node> found = resumable(known);
    int later = 0;
    for (Sequence other : running) {
      if (other == s) {
        break;
      }
      boolean reads = !other.done() && other.cache().length() < other.prompt;
      if (reads && other.attachment.equals(s.attachment) && !apart.test(other)) {
        later = Math.max(later, shared(s, other));
      }
    }
    if (later > found.size()) {
      return true;
    }
    if (!found.isEmpty()) {
      s.start(pool.cache(found.stream().map(node -> node.block).toList(), found.getLast().states));
    }
    if (known.size() > found.size()) {
      s.cache().snapshotsUpTo(known.size() * Limits.BLOCK); // where prompts have parted before
    }
    return false;
  }

  /// Blocks with which a sequence can begin after another one that is being read.
  private int shared(Sequence s, Sequence other) {
    int blocks = common(s, other) / Limits.BLOCK;
    if (!recurrent) {
      return blocks;
    }
    int end = other.cache().snapshotsUpTo() / Limits.BLOCK;
    return other.branched() || end > blocks ? 0 : end;
  }

  /// Tokens that two prompts begin with, those of `s` left out whose logits are wanted.
  private static int common(Sequence s, Sequence other) {
    int most = Math.min(s.ask.unheard(), other.prompt);
    int differ = Arrays.mismatch(s.ids(), 0, most, other.ids(), 0, most);
    return differ < 0 ? most : differ;
  }

  /// The tokens of a block; they are equal where all of them are.
  private static IntBuffer tokens(Sequence s, int block) {
    int from = block * Limits.BLOCK;
    return IntBuffer.wrap(Arrays.copyOfRange(s.ids(), from, from + Limits.BLOCK));
  }

  /// The first of the blocks, behind which a sequence can go on: with states, if layers have them.
  private List<Node> resumable(List<Node> known) {
    int blocks = known.size();
    while (recurrent && blocks > 0 && known.get(blocks - 1).states == null) {
      blocks--;
    }
    touch(known.subList(0, blocks));
    return known.subList(0, blocks);
  }

  /// The kept blocks with which a sequence's prompt begins.
  private List<Node> path(Sequence s) {
    List<Node> path = new ArrayList<>();
    Node node = roots.get(s.attachment);
    for (int i = 0; node != null && (i + 1) * Limits.BLOCK <= s.ask.unheard(); i++) {
      node = node.children.get(tokens(s, i));
      if (node != null) {
        path.add(node);
      }
    }
    return path;
  }

  /// The last first, so that a block stands before those that it follows.
  private void touch(List<Node> path) {
    path.reversed().forEach(order::addLast);
  }

  /// Keeps what a sequence has read of its prompt.
  void keep(Sequence s) {
    List<Integer> blocks = s.cache().full(s.prompt);
    if (blocks.isEmpty()) {
      return;
    }
    List<Node> path = new ArrayList<>();
    Node node = roots.computeIfAbsent(s.attachment, attachment -> new Node(null, null, -1));
    for (int i = 0; i < blocks.size(); i++) {
      IntBuffer tokens = tokens(s, i);
      Node child = node.children.get(tokens);
      if (child == null) {
        int block = blocks.get(i);
        pool.keep(block);
        child = new Node(node, tokens, block);
        node.children.put(tokens, child);
      }
      path.add(child);
      node = child;
    }
    KvCache.Snapshot states = s.cache().snapshot();
    if (states != null && states.length() <= blocks.size() * Limits.BLOCK) {
      keep(states, path.get(states.length() / Limits.BLOCK - 1));
    }
    touch(path);
  }

  private void keep(KvCache.Snapshot states, Node node) {
    if (node.states == null) {
      if (order.stream().filter(each -> each.states != null).count() == STATES) {
        order.stream().filter(each -> each.states != null).findFirst().ifPresent(this::dropStates);
      }
      pool.share(states.state());
      node.states = states;
    }
  }

  /// Drops all keys of an attachment.
  void forget(NamedAdapters.Attachment attachment) {
    Node root = roots.remove(attachment);
    if (root != null) {
      List.copyOf(root.children.values()).forEach(this::drop);
    }
  }

  /// Drops what nobody has, until there are so many free blocks more.
  private void wanted(int blocks) {
    if (roomy.getAsBoolean() && pool.unheld() >= blocks) {
      return;
    }
    int idle = Math.min(blocks, pool.idle());
    int left = pool.idle() - idle;
    while (pool.idle() > left) {
      order.stream().filter(node -> pool.isIdle(node.block)).findFirst().ifPresent(this::drop);
    }
  }

  private void dropStates(Node node) {
    if (node.states != null) {
      pool.release(node.states.state());
      node.states = null;
    }
  }

  /// Drops a block and those behind it.
  private void drop(Node node) {
    List.copyOf(node.children.values()).forEach(this::drop);
    order.remove(node);
    pool.letGo(node.block);
    dropStates(node);
    Node parent = node.parent;
    if (parent != null) {
      parent.children.remove(node.tokens);
    }
  }
}
