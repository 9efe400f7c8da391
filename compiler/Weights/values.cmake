# The numbers behind weight symbols: checkpoint or random.
ashlar_add_library(AshlarWeightValues
  SOURCES CheckpointReader.cpp RandomWeights.cpp WeightValues.cpp
  LINK AshlarCheckpoint AshlarDialect AshlarSpec AshlarSupport
  PRECOMPILED AshlarDialect)

# The order of the numbers in the image.
ashlar_add_library(AshlarPacker
  SOURCES Encode.cpp Packer.cpp
  LINK AshlarWeightValues AshlarLayout
  PRECOMPILED AshlarDialect)
