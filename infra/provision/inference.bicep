// Azure resources for inference: a storage account with a file share, a Container Apps environment with a
// workload profile, and one container app that runs the code on the share.
//
// What exists keeps what it has
// -----------------------------
// An ARM deployment PUTs each resource it names, and a PUT resets what its body leaves out: other workload
// profiles of an environment, network rules of a storage account, secrets of an app. So the caller reads what
// exists first and says so here. The defaults mean: nothing exists yet.
//
//   storageAccountExists    true: the account and its file service are used as they are.
//   fileShareExists         true: the share is used as it is (quota, tier, metadata).
//   acaLogAnalyticsExists   true: the workspace is used as it is.
//   acaEnvironmentExists    true: the environment is used as it is, its log destination too, so no workspace is
//                           made. It must already hold the workload profile `workloadProfileName`: a template
//                           can't PATCH, so the caller adds a missing one beforehand
//                           (`az containerapp env workload-profile add`).
//   acaEnvironmentId        an environment of another resource group, a platform team's for example: it must be there, and is
//                           used as it is but for the share's name in it, which a deployment in that group puts.
//   acaEnvironmentLocation  the existing environment's location, where that is not `location`.
//   existingApp             what GET on the app answers, in the API version used below. Its tags, identity,
//                           ingress rules, registries, Dapr settings, sidecars, environment variables, volumes
//                           and scale are kept; what a parameter names (image, commands, cpu, memory, workload
//                           profile, port) is set. It may hold values of variables, so it is secure: the deployment
//                           history does not keep it.
//   existingAppSecrets      what POST listSecrets on the app answers: GET leaves the values out, and a PUT
//                           without them would delete them.
//
// The environment storage is always PUT: it holds the account's key, and the key is all that can be updated.

targetScope = 'resourceGroup'

// ---- documented parameters --------------------------------------------------------------------------------

// A container starts from nothing each time: start.py keeps the packages on the share. Python is called python3 in all images.
@description('The commands that start the web API, run in order by /bin/bash; a failed one stops the start. The file share is mounted at /mount.')
@minLength(1)
param defaultCommands array = [
  'cd /mount/inference'
  'python3 start.py'
]

@description('The GPU capacity of the environment: how many nodes a dedicated GPU workload profile may grow to. Each node is billed. Serverless GPUs and CPUs have no such limit: see maxReplicas.')
@minValue(1)
@maxValue(20)
param maximumInstanceCount int = 1

@description('Where new resources are made. Defaults to the location of the resource group.')
@minLength(1)
param location string = resourceGroup().location

@description('The storage account that holds the file share: 3 to 24 lower-case letters and digits. Defaults to the name of the fine-tuning step.')
@minLength(3)
@maxLength(24)
param storageAccountName string = 'aistorage${substring(uniqueString(resourceGroup().id), 0, 5)}'

@description('The file share for code, models and adapters: 3 to 63 lower-case letters, digits and single hyphens. Defaults to the name of the fine-tuning step.')
@minLength(3)
@maxLength(63)
param fileShareName string = 'aifileshare${substring(uniqueString(resourceGroup().id), 0, 5)}'

@description('The Container Apps environment. Defaults to the name of the fine-tuning step.')
@minLength(2)
@maxLength(60)
param acaEnvironmentName string = 'aienv${substring(uniqueString(resourceGroup().id), 0, 5)}'

@description('The id of an environment that exists in another resource group, /subscriptions/…/managedEnvironments/NAME. Empty: acaEnvironmentName, in this group.')
param acaEnvironmentId string = ''

@description('The name under which the environment knows the file share. Defaults to the name of the fine-tuning step.')
@minLength(2)
@maxLength(32)
param acaEnvironmentStorageName string = 'aienvstorage${substring(uniqueString(resourceGroup().id), 0, 5)}'

@description('The container app that serves the model: 2 to 32 lower-case letters, digits and hyphens, starting with a letter.')
@minLength(2)
@maxLength(32)
param acaAppName string = 'aiacaapp${substring(uniqueString(resourceGroup().id), 0, 5)}'

@description('The Log Analytics workspace of a new environment. Defaults to the name of the fine-tuning step.')
@minLength(4)
@maxLength(63)
param acaLogAnalyticsName string = 'ailog${substring(uniqueString(resourceGroup().id), 0, 5)}'

// ---- what the app runs on ---------------------------------------------------------------------------------

@description('The hardware. Serverless GPU: Consumption-GPU-NC24-A100, Consumption-GPU-NC8as-T4 (billed while a replica runs). Dedicated GPU: NC24-A100, NC48-A100, NC96-A100 (billed a node; only for environments that were created with it). CPU: Consumption (up to 4 cores and 8 GiB), D4 to D32 and E4 to E32 (billed a node).')
@allowed([
  'Consumption'
  'D4'
  'D8'
  'D16'
  'D32'
  'E4'
  'E8'
  'E16'
  'E32'
  'Consumption-GPU-NC24-A100'
  'Consumption-GPU-NC8as-T4'
  'NC24-A100'
  'NC48-A100'
  'NC96-A100'
])
param workloadProfileType string = 'Consumption-GPU-NC24-A100'

@description('The name of the workload profile in the environment. Defaults to one name a type; NC24-A100 is called GPU, as in the fine-tuning step.')
@minLength(1)
@maxLength(15)
param workloadProfileName string = {
  Consumption: 'Consumption'
  D4: 'cpu-D4'
  D8: 'cpu-D8'
  D16: 'cpu-D16'
  D32: 'cpu-D32'
  E4: 'cpu-E4'
  E8: 'cpu-E8'
  E16: 'cpu-E16'
  E32: 'cpu-E32'
  'Consumption-GPU-NC24-A100': 'serverless-A100'
  'Consumption-GPU-NC8as-T4': 'serverless-T4'
  'NC24-A100': 'GPU'
  'NC48-A100': 'GPU-NC48'
  'NC96-A100': 'GPU-NC96'
}[workloadProfileType]

// Docker Hub allows an address 100 pulls in 6 hours, and the environment's addresses are shared with others: what can be
// pulled elsewhere is (microsoft/azure-container-apps#1670).
// vLLM's own image is on Docker Hub alone: docs/starter.md has the one command that copies it to a registry of yours.
@description('The container image. It needs /bin/bash and what defaultCommands call. Defaults to vLLM on GPUs and Python on CPUs; an existing app keeps its own unless its workload profile changes. One of a private registry needs registryServer.')
@minLength(1)
#disable-next-line secure-secrets-in-params // the name of an image is no secret
param image string = (existingApp.?properties.?workloadProfileName == workloadProfileName ? existingApp.?properties.?template.?containers[?0].?image : null) ?? (contains(workloadProfileType, 'A100') || contains(workloadProfileType, 'T4')
  ? 'docker.io/vllm/vllm-openai:v0.32.0'
  : 'mcr.microsoft.com/devcontainers/python:3.12')

@description('The registry that the image is pulled from with an identity, for example contoso.azurecr.io. Empty: the image is public.')
param registryServer string = ''

@description('Who pulls from registryServer: system, or the id of a user-assigned identity. It needs the role AcrPull.')
@minLength(1)
param registryIdentity string = 'system'

// A node of D or E keeps some for itself, so a replica is given a core and an eighth less than the node has.
@description('CPU cores of a replica, for example 0.5 or 24. Defaults to all that a GPU replica may have, 2 on Consumption, or nearly a whole node.')
@minLength(1)
param cpu string = {
  Consumption: '2'
  D4: '3'
  D8: '7'
  D16: '15'
  D32: '31'
  E4: '3'
  E8: '7'
  E16: '15'
  E32: '31'
  'Consumption-GPU-NC24-A100': '24'
  'Consumption-GPU-NC8as-T4': '8'
  'NC24-A100': '24'
  'NC48-A100': '48'
  'NC96-A100': '96'
}[workloadProfileType]

@description('Memory of a replica, for example 4Gi. Defaults to all that a GPU replica may have, 4Gi on Consumption, or nearly a whole node.')
@minLength(3)
param memory string = {
  Consumption: '4Gi'
  D4: '14Gi'
  D8: '28Gi'
  D16: '56Gi'
  D32: '112Gi'
  E4: '28Gi'
  E8: '56Gi'
  E16: '112Gi'
  E32: '224Gi'
  'Consumption-GPU-NC24-A100': '220Gi'
  'Consumption-GPU-NC8as-T4': '56Gi'
  'NC24-A100': '220Gi'
  'NC48-A100': '440Gi'
  'NC96-A100': '880Gi'
}[workloadProfileType]

@description('The fewest replicas. 1 keeps the model loaded and is billed all the time; 0 lets the app sleep, and the first request then waits for a start. An existing app keeps its own.')
@minValue(0)
@maxValue(1000)
#disable-next-line secure-secrets-in-params // a number or a switch of the app is no secret
param minReplicas int = empty(existingApp) ? 1 : (existingApp.?properties.?template.?scale.?minReplicas ?? 0) // null is Azure's default, 0

@description('The most replicas. Each takes a GPU of its own. An existing app keeps its own.')
@minValue(1)
@maxValue(1000)
#disable-next-line secure-secrets-in-params // a number or a switch of the app is no secret
param maxReplicas int = empty(existingApp) ? 1 : (existingApp.?properties.?template.?scale.?maxReplicas ?? 10) // null is Azure's default, 10

@description('The port on which the web API listens. The commands find it in the environment variable PORT.')
@minValue(1)
@maxValue(65535)
param targetPort int = 7860

@description('The path that the probes ask for. It must answer 200 once the web API is up.')
@minLength(1)
param probePath string = '/'

@description('The path on which the app says that its model answers: 503 there means that it still loads, and Deploy waits. Empty: an answer at probePath is enough.')
param readyPath string = ''

@description('Whether the internet reaches the endpoint; false: only the network of the environment. An existing app keeps its own.')
#disable-next-line secure-secrets-in-params // a number or a switch of the app is no secret
param external bool = existingApp.?properties.?configuration.?ingress.?external ?? true

@description('The address ranges (CIDR) that may reach the endpoint, for example 203.0.113.0/24. Empty: every address, or what an existing app allows.')
param allowedIpRanges array = []

@description('Tags for all that is made; what exists keeps its own.')
param tags object = {}

// ---- what exists already (read by the caller, see the top) --------------------------------------------------

@description('Whether the storage account exists; it is then left as it is.')
param storageAccountExists bool = false

@description('Whether the file share exists; it is then left as it is.')
param fileShareExists bool = false

@description('Whether the Log Analytics workspace exists; it is then left as it is.')
param acaLogAnalyticsExists bool = false

@description('Whether the environment exists; it is then left as it is, and must hold the workload profile already.')
param acaEnvironmentExists bool = false

@description('The location of the environment, which is that of its app too.')
@minLength(1)
param acaEnvironmentLocation string = location

@description('The app as GET answers it, when it exists: what the other parameters do not name is kept.')
@secure()
param existingApp object = {}

@description('The secrets of the app as listSecrets answers them, when it exists: they are kept.')
@secure()
param existingAppSecrets object = {}

// ---- storage ------------------------------------------------------------------------------------------------

resource newStorageAccount 'Microsoft.Storage/storageAccounts@2023-05-01' = if (!storageAccountExists) {
  name: storageAccountName
  location: location
  tags: tags
  sku: {
    name: 'Standard_LRS'
  }
  kind: 'StorageV2'
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: true // an SMB volume is mounted with the account's key
    largeFileSharesState: 'Enabled'
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource newFileService 'Microsoft.Storage/storageAccounts/fileServices@2023-05-01' = if (!storageAccountExists) {
  parent: newStorageAccount
  name: 'default'
  properties: {
    shareDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource storageAccount 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageAccountName

  resource fileService 'fileServices' existing = {
    name: 'default'
  }
}

resource newFileShare 'Microsoft.Storage/storageAccounts/fileServices/shares@2023-05-01' = if (!fileShareExists) {
  parent: storageAccount::fileService
  name: fileShareName
  properties: {
    shareQuota: 1024
  }
  dependsOn: [
    newFileService
  ]
}

// ---- environment --------------------------------------------------------------------------------------------

var isElsewhere = !empty(acaEnvironmentId)
var makesEnvironment = !acaEnvironmentExists && !isElsewhere

resource newLogAnalytics 'Microsoft.OperationalInsights/workspaces@2023-09-01' = if (makesEnvironment && !acaLogAnalyticsExists) {
  name: acaLogAnalyticsName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
  }
}

resource logAnalytics 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: acaLogAnalyticsName
}

// Limits of nodes belong to dedicated profiles alone: on a serverless one they are refused
// (WorkloadProfilePropertyNotSupported).
var chosenProfiles = {
  Consumption: []
  serverless: [
    {
      name: workloadProfileName
      workloadProfileType: workloadProfileType
    }
  ]
  dedicated: [
    {
      name: workloadProfileName
      workloadProfileType: workloadProfileType
      minimumCount: 0
      maximumCount: maximumInstanceCount
    }
  ]
}
var profileKind = workloadProfileType == 'Consumption'
  ? 'Consumption'
  : startsWith(workloadProfileType, 'Consumption-') ? 'serverless' : 'dedicated'

resource newEnvironment 'Microsoft.App/managedEnvironments@2025-01-01' = if (makesEnvironment) {
  name: acaEnvironmentName
  location: acaEnvironmentLocation
  tags: tags
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        // Runtime functions are called even where the condition is false: only `if` spares the call.
        customerId: makesEnvironment ? logAnalytics.properties.customerId : ''
        sharedKey: makesEnvironment ? logAnalytics.listKeys().primarySharedKey : ''
      }
    }
    workloadProfiles: concat(
      [
        {
          name: 'Consumption'
          workloadProfileType: 'Consumption'
        }
      ],
      chosenProfiles[profileKind]
    )
  }
  dependsOn: [
    newLogAnalytics
  ]
}

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' existing = {
  name: acaEnvironmentName
}

resource environmentStorage 'Microsoft.App/managedEnvironments/storages@2025-01-01' = if (!isElsewhere) {
  parent: environment
  name: acaEnvironmentStorageName
  properties: {
    azureFile: {
      accountName: storageAccountName
      accountKey: storageAccount.listKeys().keys[0].value
      shareName: fileShareName
      accessMode: 'ReadWrite'
    }
  }
  dependsOn: [
    newEnvironment
    newStorageAccount
    newFileShare
  ]
}

var environmentId = isElsewhere ? acaEnvironmentId : environment.id
var idParts = split(environmentId, '/') // '', subscriptions, ID, resourceGroups, GROUP, providers, Microsoft.App, managedEnvironments, NAME

module storageElsewhere 'environmentStorage.bicep' = if (isElsewhere) {
  name: '${acaAppName}-environment-storage'
  scope: resourceGroup(idParts[2], idParts[4])
  params: {
    environmentName: last(idParts)
    storageName: acaEnvironmentStorageName
    accountName: storageAccountName
    accountKey: storageAccount.listKeys().keys[0].value
    shareName: fileShareName
  }
  dependsOn: [
    newStorageAccount
    newFileShare
  ]
}

// ---- app ----------------------------------------------------------------------------------------------------

var keptConfiguration = existingApp.?properties.?configuration ?? {}
var keptTemplate = existingApp.?properties.?template ?? {}
var keptContainers = keptTemplate.?containers ?? []
var keptContainer = keptContainers[?0] ?? {}
var keptSecrets = existingAppSecrets.?value ?? []

// A volume's name has at most 63 characters, as a share's has: the share's name with a suffix could be too long. Earlier
// templates named it so, and their volume gives way to this one.
var volumeName = 'project'
var ourVolumes = [volumeName, '${fileShareName}volume']
var otherVolumes = filter(keptTemplate.?volumes ?? [], volume => !contains(ourVolumes, volume.name))
var otherMounts = filter(
  keptContainer.?volumeMounts ?? [],
  mount => !contains(ourVolumes, mount.volumeName) && mount.mountPath != '/mount'
)
var ourVariables = concat(
  [
    {
      name: 'PORT'
      value: string(targetPort)
    }
  ],
  empty(readyPath)
    ? []
    : [
        {
          name: 'READY_PATH'
          value: readyPath
        }
      ]
)
var otherVariables = filter(
  keptContainer.?env ?? [],
  variable => !contains(map(ourVariables, ours => ours.name), variable.name)
)

var probe = {
  httpGet: {
    path: probePath
    port: targetPort
    scheme: 'HTTP'
  }
}

// The first container is ours; the others are sidecars.
var container = union(keptContainer, {
  name: keptContainer.?name ?? acaAppName
  image: image
  command: [
    '/bin/bash'
    '-c'
    join(defaultCommands, ' && ')
  ]
  resources: {
    cpu: json(cpu)
    memory: memory
  }
  env: concat(otherVariables, ourVariables)
  // The documented window for a start, 60 s and ten times 120 s, asked every 6 s: packages and a model are
  // loaded in it, and a quick start is seen quickly. The other two begin once the start has succeeded; they bear
  // minutes in which a busy model does not answer, since a restart in the middle of an answer helps nobody.
  probes: [
    union(probe, { type: 'Startup', periodSeconds: 6, timeoutSeconds: 5, failureThreshold: 210 })
    union(probe, { type: 'Liveness', periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 30 })
    union(probe, { type: 'Readiness', periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 12 })
  ]
  volumeMounts: concat(otherMounts, [
    {
      volumeName: volumeName
      mountPath: '/mount'
    }
  ])
})

// Rules that people made are kept; those of this template are replaced by what allowedIpRanges says now.
var keptRules = keptConfiguration.?ingress.?ipSecurityRestrictions ?? []
var otherRules = filter(keptRules, rule => !startsWith(rule.name, 'allowed-'))
var ourRules = map(allowedIpRanges, (range, index) => {
  name: 'allowed-${index}'
  action: 'Allow'
  ipAddressRange: range
})
var ingress = union(
  {
    allowInsecure: false
    transport: 'Auto'
    traffic: [
      {
        latestRevision: true
        weight: 100
      }
    ]
  },
  keptConfiguration.?ingress ?? {},
  {
    external: external
    targetPort: targetPort
  },
  empty(keptRules) && empty(ourRules) ? {} : { ipSecurityRestrictions: concat(otherRules, ourRules) }
)

var keptRegistries = filter(keptConfiguration.?registries ?? [], registry => registry.server != registryServer)
var registries = empty(registryServer)
  ? keptConfiguration.?registries ?? []
  : concat(keptRegistries, [
      {
        server: registryServer
        identity: registryIdentity
      }
    ])
var keptIdentity = existingApp.?identity ?? { type: 'None' }
var pullingIdentity = empty(registryServer)
  ? {}
  : registryIdentity == 'system'
      ? { type: contains(keptIdentity.type, 'UserAssigned') ? 'SystemAssigned,UserAssigned' : 'SystemAssigned' }
      : {
          type: contains(keptIdentity.type, 'SystemAssigned') ? 'SystemAssigned,UserAssigned' : 'UserAssigned'
          userAssignedIdentities: { '${registryIdentity}': {} }
        }

resource app 'Microsoft.App/containerApps@2025-01-01' = {
  name: acaAppName
  location: acaEnvironmentLocation
  tags: union(tags, existingApp.?tags ?? {})
  identity: union(keptIdentity, pullingIdentity)
  properties: {
    environmentId: environmentId
    workloadProfileName: workloadProfileName
    configuration: union(
      {
        activeRevisionsMode: 'Single'
      },
      keptConfiguration,
      {
        secrets: keptSecrets
        registries: registries
        ingress: ingress
      }
    )
    template: union(keptTemplate, {
      revisionSuffix: '' // a kept suffix would name a revision that exists
      containers: concat([container], skip(keptContainers, 1))
      scale: union(keptTemplate.?scale ?? {}, {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
      })
      volumes: concat(otherVolumes, [
        {
          name: volumeName
          storageType: 'AzureFile'
          storageName: acaEnvironmentStorageName
        }
      ])
    })
  }
  dependsOn: [
    environmentStorage
    storageElsewhere
  ]
}

// ---- the six keys of infra/inference.config.json ------------------------------------------------------------

@description('The subscription of the app.')
output SUBSCRIPTION_ID string = subscription().subscriptionId

@description('The resource group of the app.')
output RESOURCE_GROUP_NAME string = resourceGroup().name

@description('The storage account that holds the file share.')
output STORAGE_ACCOUNT_NAME string = storageAccountName

@description('The file share mounted at /mount.')
output FILE_SHARE_NAME string = fileShareName

@description('The container app that serves the model.')
output ACA_APP_NAME string = app.name

@description('The host name at which the app answers.')
output ACA_APP_ENDPOINT string = app.properties.configuration.ingress.fqdn
