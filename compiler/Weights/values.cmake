# The numbers behind weight symbols: checkpoint or random.
ashlar_add_library(AshlarWeightValues
  SOURCES CheckpointReader.cpp RandomWeights.cpp WeightValues.cpp
  LINK AshlarCheckpoint AshlarDialect AshlarSpec AshlarSupport)
