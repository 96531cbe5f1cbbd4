package dev.nudge.constrain;

import dev.nudge.text.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/// A byte trie of the tokens that add bytes to a text: a node is a byte, and the path to it a
/// prefix of tokens.
///
/// Nodes are in depth-first order: the subtree of node `n` is `n .. after[n]`, and a walk that
/// skips it continues at `after[n]`. Node 0 is the root.
///
/// It also knows which characters can be written ([#writable]): a character that is a token, or
/// each of whose bytes is a token. If a UTF-8 continuation byte has no token of its own, tokens
/// that begin or end within a character are left out. So text of writable characters can always be
/// continued.
final class TokenTrie {
  private static final int CONTINUATION = 0x80;
  private static final int BYTES = 256;
  private static final Map<Tokenizer, Map<Set<Integer>, TokenTrie>> MADE = new WeakHashMap<>();

  final int[] label;
  final int[] depth;
  final int[] after;
  private final int[] first; // token of a node, or -1
  private final int[] same; // by id: another token of the same bytes, or -1
  private final byte[] @Nullable [] bytes;
  private final Ranges writable;

  private TokenTrie(byte[] @Nullable [] bytes) {
    this.bytes = bytes;
    BitSet singleBytes = new BitSet(BYTES);
    BitSet characters = new BitSet();
    for (byte[] token : bytes) {
      if (token != null && token.length == 1) {
        singleBytes.set(token[0] & 0xFF);
      }
      int character = token == null ? -1 : character(token);
      if (character >= 0) {
        characters.set(character);
      }
    }
    this.writable = Ranges.where(c -> characters.get(c) || writes(c, singleBytes));
    boolean within = singleBytes.nextClearBit(CONTINUATION) >= CONTINUATION + 64;
    List<Integer> ids = new ArrayList<>();
    int most = 1;
    for (int id = 0; id < bytes.length; id++) {
      byte[] token = bytes[id];
      if (token == null || !within && text(token) == null) {
        bytes[id] = null;
        continue;
      }
      ids.add(id);
      most += token.length;
    }
    ids.sort((a, b) -> Arrays.compareUnsigned(bytes[a], bytes[b]));
    this.label = new int[most];
    this.depth = new int[most];
    this.after = new int[most];
    this.first = new int[most];
    this.same = new int[bytes.length];
    Arrays.fill(first, -1);
    Arrays.fill(same, -1);
    grow(ids);
  }

  /// Returns the trie of a tokenizer, made once.
  ///
  /// @param ends tokens that end a text and are not a part of it
  static TokenTrie of(Tokenizer tokenizer, Collection<Integer> ends) {
    Set<Integer> texts = new HashSet<>();
    for (int end : ends) {
      if (tokenizer.bytes(end) != null) {
        texts.add(end);
      }
    }
    synchronized (MADE) {
      return MADE.computeIfAbsent(tokenizer, _ -> new HashMap<>())
          .computeIfAbsent(Set.copyOf(texts), without -> make(tokenizer, without));
    }
  }

  private static TokenTrie make(Tokenizer tokenizer, Set<Integer> without) {
    byte[][] bytes = new byte[tokenizer.vocabSize()][];
    for (int id = 0; id < bytes.length; id++) {
      byte[] token = without.contains(id) ? null : tokenizer.bytes(id);
      bytes[id] = token != null && token.length > 0 ? token : null;
    }
    return new TokenTrie(bytes);
  }

  private void grow(List<Integer> ids) {
    int[] way = new int[label.length + 1]; // node by depth
    int nodes = 1;
    int deep = 0;
    byte[] last = {};
    for (int id : ids) {
      byte[] token = bytes[id];
      int common = Arrays.mismatch(last, token);
      common = common < 0 ? token.length : common;
      for (; deep > common; deep--) {
        after[way[deep]] = nodes;
      }
      for (; deep < token.length; nodes++) {
        label[nodes] = token[deep] & 0xFF;
        way[++deep] = nodes;
        depth[nodes] = deep;
      }
      same[id] = first[way[deep]];
      first[way[deep]] = id;
      last = token;
    }
    for (; deep >= 0; deep--) {
      after[way[deep]] = nodes;
    }
  }

  /// Returns one more than the largest token id.
  int size() {
    return bytes.length;
  }

  /// Returns the bytes of a token; null if it cannot be a part of a text.
  byte @Nullable [] bytes(int id) {
    return id >= 0 && id < bytes.length ? bytes[id] : null;
  }

  Ranges writable() {
    return writable;
  }

  /// Adds the tokens that end at a node.
  void add(int node, long[] to) {
    for (int id = first[node]; id >= 0; id = same[id]) {
      to[id >> 6] |= 1L << id;
    }
  }

  private static boolean writes(int c, BitSet singleBytes) {
    if (c < 0x80) {
      return singleBytes.get(c);
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    int lead = (0xF00 >> more + 1 & 0xFF) | c >> 6 * more;
    for (int i = 0; i < more; i++) {
      if (!singleBytes.get(CONTINUATION | c >> 6 * i & 0x3F)) {
        return false;
      }
    }
    return singleBytes.get(lead);
  }

  private static int character(byte[] token) {
    String text = token.length <= 4 ? text(token) : null;
    return text != null && text.codePointCount(0, text.length()) == 1 ? text.codePointAt(0) : -1;
  }

  private static @Nullable String text(byte[] token) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(token)).toString();
    } catch (CharacterCodingException _) {
      return null;
    }
  }
}
