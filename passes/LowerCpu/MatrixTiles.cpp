//===- MatrixTiles.cpp - AMX: tiles of 16 rows of 64 bytes ---------------===//

#include "passes/LowerCpu/MatrixTiles.h"

#include "mlir/Dialect/AMX/AMXDialect.h"

using namespace mlir;
using namespace ashlar;

/// Bytes of a panel's feature in a line.
static constexpr int64_t wordBytes = lineBytes / panelWidth;

namespace {
/// One block's types and tiles.
class TileBody {
public:
  TileBody(Emitter &e, const TileBlock &block) : e(e), block(block) {
    Type operand = block.isInt8 ? Type(e.getI8Type()) : Type(e.getBF16Type());
    Type result = block.isInt8 ? Type(e.getI32Type()) : Type(e.getF32Type());
    int64_t elementBytes = block.isInt8 ? 1 : 2;
    rowsTile = amx::TileType::get(
        {ashlar::tileRows, block.stepBytes / elementBytes}, operand);
    panelTile = amx::TileType::get(
        {block.stepBytes / wordBytes, lineBytes / elementBytes}, operand);
    resultTile = amx::TileType::get({ashlar::tileRows, panelWidth}, result);
  }

  SmallVector<Value> zeros() {
    SmallVector<Value> tiles;
    for (int64_t i = 0; i < block.rowTiles * block.panels; ++i)
      tiles.push_back(amx::TileZeroOp::create(e, resultTile));
    return tiles;
  }

  SmallVector<Value> loadResults() {
    SmallVector<Value> tiles;
    overResults([&](Value row, Value column) {
      tiles.push_back(amx::TileLoadOp::create(
          e, resultTile, block.starts ? block.starts : block.results,
          ValueRange{row, column}));
    });
    return tiles;
  }

  void storeResults(ValueRange tiles) {
    size_t next = 0;
    overResults([&](Value row, Value column) {
      amx::TileStoreOp::create(e, block.results, ValueRange{row, column},
                               tiles[next++]);
    });
  }

  SmallVector<Value> multiply(Value begin, Value end, ValueRange tiles) {
    return e.loop(begin, end, 1, tiles, [&](Value step, ValueRange sums) {
      if (block.ahead)
        block.ahead(step);
      // One panel's tile at a time: there are eight tile registers.
      SmallVector<Value> as, next(sums);
      Value byte =
          e.mul(e.rem(step, lineBytes / block.stepBytes), block.stepBytes);
      for (int64_t i = 0; i < block.rowTiles; ++i)
        as.push_back(load(rowsTile, block.aLines, {block.a(i, step), byte},
                          block.aRowLines, block.streamA));
      for (int64_t p = 0; p < block.panels; ++p) {
        Value b = load(panelTile, block.bLines, {block.b(p, step), e.index(0)},
                       /*rowLines=*/1, block.streamB);
        for (int64_t r = 0; r < block.rowTiles; ++r) {
          Value &sum = next[r * block.panels + p];
          sum = multiplyAdd(as[r], b, sum);
        }
      }
      return next;
    });
  }

private:
  Value load(amx::TileType type, Value lines, ValueRange at, int64_t rowLines,
             bool stream) {
    auto tile = amx::TileLoadOp::create(e, type, lines, at,
                                        e.index(rowLines * lineBytes));
    if (stream)
      tile->setAttr(streamAttr, e.getUnitAttr());
    return tile;
  }

  Value multiplyAdd(Value a, Value b, Value sum) {
    if (block.isInt8)
      return amx::TileMulIOp::create(e, resultTile, a, b, sum);
    return amx::TileMulFOp::create(e, resultTile, a, b, sum);
  }

  void overResults(llvm::function_ref<void(Value, Value)> body) {
    for (int64_t r = 0; r < block.rowTiles; ++r)
      for (int64_t p = 0; p < block.panels; ++p)
        body(e.add(block.firstRow, r * ashlar::tileRows),
             e.add(block.firstColumn, p * panelWidth));
  }

  Emitter &e;
  const TileBlock &block;
  amx::TileType rowsTile, panelTile, resultTile;
};
} // namespace

void ashlar::emitTileBlock(Emitter &e, const TileBlock &block, Value begin,
                           Value end, Value fresh) {
  TileBody body(e, block);
  e.when(
      fresh,
      [&] { body.storeResults(body.multiply(begin, end, body.zeros())); },
      [&] {
        body.storeResults(body.multiply(begin, end, body.loadResults()));
      });
}
