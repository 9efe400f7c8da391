# The numbers behind weight symbols: checkpoint or random.
ashlar_add_library(AshlarWeightValues
  SOURCES RandomWeights.cpp WeightValues.cpp
  LINK AshlarDialect AshlarSpec AshlarSupport)
